"""What comes of a reflex: the messages that it, its command and its tool write, and the topics on which they are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from contracts import Command, Decision, Outcome, PackManifest, Reflex, announcement, encode_event
from contracts.command import OutcomeStatus
from forestall.packs.partly import ANY
from ledger import Routing
from tools import Catalogue

DECIDED, ISSUED = "forestall.decision.made", "forestall.command.issued"
_FIXED = ("pack", "tool", "topic", "plan_version", "ordinal", "timeout_s")


@dataclass(frozen=True, slots=True)
class Written:
    """A message with `ANY` wherever more than one value may come.

    `always`: it is written on every event that matches, also where the call cannot be made or is not allowed.
    """

    message: dict[str, Any]
    topics: tuple[str, ...]
    always: bool = False


def written_by(manifest: PackManifest, reflex: Reflex, catalogue: Catalogue) -> Iterator[Written]:
    """The ruling and the command; of a tool of the pack also how the call goes, its outcome and what it announces."""
    arguments = {
        name: ANY if isinstance(given, str) and given.startswith("$") else given
        for name, given in reflex.arguments.items()
    }
    yield _of(DECIDED, _ruling(manifest, reflex, arguments), always=True)
    topic = next((each.topic for each in manifest.topic_tools if each.name == reflex.tool), None)
    command = _command(manifest, reflex, topic) | {"arguments": arguments}
    yield _of(ISSUED, command, also=(topic,) if topic else ())
    if topic is not None or reflex.tool not in catalogue:
        return
    yield _of(DECIDED, dict.fromkeys(Decision.model_fields, ANY) | {"graph": "execution"})
    for status in get_args(OutcomeStatus):
        outcome = dict.fromkeys(Outcome.model_fields, ANY) | {"status": status, "tool": reflex.tool}
        yield _of(f"forestall.command.{status}", outcome)
    announces = catalogue.get(reflex.tool).announces
    if announces is not None:
        yield _of(announces, ANY)


def passed_on(written: Written, topic: str, kind: str, data: dict[str, Any]) -> Written:
    """The same as a stream publishes it to its `processed` topic."""
    return Written(dict.fromkeys(written.message, ANY) | {"type": kind, "data": data}, (topic,))


def _of(kind: str, data: dict[str, Any], *, also: tuple[str, ...] = (), always: bool = False) -> Written:
    event = announcement(kind, {}, about=("-",), time=0, incident="-", cause="-")
    message: dict[str, Any] = json.loads(encode_event(event))
    known = {name: message[name] for name in ("type", "source", "specversion", "datacontenttype")}
    topics = tuple(name.removeprefix("topic:") for name in Routing().of(kind))
    return Written(dict.fromkeys(message, ANY) | known | {"data": data}, also + topics, always)


def _ruling(manifest: PackManifest, reflex: Reflex, arguments: dict[str, Any]) -> dict[str, Any]:
    known = {"pack": manifest.pack, "reflex": manifest.reflex_template(reflex), "tool": reflex.tool}
    semantic = dict.fromkeys(("value", "ruling", "authority"), ANY) | known | {"arguments": arguments}
    fixed = {"graph": "reflex", "node": "reflex", "step": 0, "semantic": semantic}
    return dict.fromkeys(Decision.model_fields, ANY) | fixed


def _command(manifest: PackManifest, reflex: Reflex, topic: str | None) -> dict[str, Any]:
    command = Command(
        id="-",
        incident_id="-",
        pack=manifest.pack,
        tenant="-",
        plan_version=reflex.version,
        ordinal="1",
        tool=reflex.tool,
        arguments={},
        deadline=0,
        value_ceiling=Decimal(0),
        authority="-",
    )
    data = command.to_json() | ({"topic": topic} if topic else {})
    return {name: value if name in _FIXED or value is None else ANY for name, value in data.items()}
