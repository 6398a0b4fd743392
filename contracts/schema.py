"""The contracts as JSON Schema (draft 2020-12), each with its version, for whoever reads our topics or writes packs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from pydantic import BaseModel

import contracts
from contracts.event import _Wire

DIALECT = "https://json-schema.org/draft/2020-12/schema"

VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "ApprovalAnswer": "1.0",
        "ApprovalRequest": "1.0",
        "Command": "1.0",
        "Decision": "1.0",
        "Episode": "1.0",
        "Event": "1.0",
        "Evidence": "1.0",
        "Explanation": "1.0",
        "MappingFile": "1.0",
        "Outcome": "1.0",
        "PackManifest": "1.0",
        "Plan": "1.0",
        "Runbook": "1.0",
        "Signal": "1.0",
        "StandingApproval": "1.0",
        "TrackRecord": "1.0",
    }
)
"""Every contract that stands on its own. A new optional field raises the second number, any other change the first."""


def exported_schemas() -> dict[str, dict[str, Any]]:
    """The schema of every contract by name, with `title`, `version` and everything that it refers to under `$defs`.

    `Event` is described as it travels: CloudEvents 1.0, structured JSON. The others describe what is accepted, which
    includes whatever we write.
    """
    return {name: _schema(name, version) for name, version in VERSIONS.items()}


def _schema(name: str, version: str) -> dict[str, Any]:
    head = {"$schema": DIALECT, "$id": f"urn:forestall:{name}:{version}", "title": name, "version": version}
    if name == "Event":
        return head | _event()
    model: type[BaseModel] = getattr(contracts, name)
    body = model.model_json_schema()
    return head | {key: value for key, value in body.items() if key != "title"}


def _event() -> dict[str, Any]:
    """msgspec's schema of the wire form, lifted out of its `$defs`."""
    (body,) = msgspec.json.schema(_Wire)["$defs"].values()
    described = {key: value for key, value in body.items() if key != "title"}
    return described | {"description": "One immutable fact: CloudEvents 1.0, structured JSON."}
