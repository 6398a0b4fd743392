"""What we publish about our contracts is true, and does not change unnoticed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts import Contract, decode_event, digest, encode_event, exported_schemas

HERE = Path(__file__).parent
DOCUMENTS: dict[str, Any] = json.loads((HERE / "documents.json").read_text())
"""One document of each contract, as it travels."""
LOCK = HERE / "schemas.lock.json"
UPDATE = "FORESTALL_UPDATE_SCHEMAS"


@pytest.mark.parametrize("name", sorted(exported_schemas()))
def test_a_document_fits_its_schema_and_a_wrong_one_does_not(name: str) -> None:
    schema = exported_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert (schema["title"], schema["$id"]) == (name, f"urn:forestall:{name}:{schema['version']}")
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(DOCUMENTS[name])] == []
    for field in schema["required"]:
        assert not validator.is_valid(DOCUMENTS[name] | {field: {"neither": "text nor number"}}) or field in FREE
        assert not validator.is_valid({key: value for key, value in DOCUMENTS[name].items() if key != field})


FREE = {"data", "arguments", "semantic"}
"""Fields that hold whatever their author puts there."""


@pytest.mark.parametrize("name", sorted(set(exported_schemas()) - {"Event"}))
def test_a_document_is_read_and_written_back(name: str) -> None:
    read = getattr(contracts, name).model_validate(DOCUMENTS[name])
    assert read.model_dump(mode="json", by_alias=True) == DOCUMENTS[name]


def test_an_event_is_read_and_written_back() -> None:
    event = decode_event(json.dumps(DOCUMENTS["Event"]).encode(), tenant=DOCUMENTS["Event"]["tenant"])
    assert json.loads(encode_event(event)) == DOCUMENTS["Event"]


def described(schema: Any) -> set[str]:
    return {schema["title"], *schema.get("$defs", {})}


def test_every_contract_is_described() -> None:
    found = set().union(*(described(schema) for schema in exported_schemas().values()))
    ours = {name for name in contracts.__all__ if isinstance(getattr(contracts, name), type(Contract))} - {"Contract"}
    assert ours - found == set()


def bare(schema: Any) -> Any:
    """Without words for people, which may change at any time."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    words = {"$id", "description", "title", "version"}
    return {key: bare(item) for key, item in schema.items() if key not in words or isinstance(item, dict)}


def test_no_contract_changes_unnoticed() -> None:
    now = {
        name: {"version": schema["version"], "digest": digest(bare(schema))}
        for name, schema in sorted(exported_schemas().items())
    }
    if os.environ.get(UPDATE):
        LOCK.write_text(json.dumps(now, indent=2) + "\n")
    locked = json.loads(LOCK.read_text())
    changed = [name for name in sorted({*now, *locked}) if now.get(name) != locked.get(name)]
    assert not changed, (
        f"Changed: {', '.join(changed)}. Somebody may already read or write the old form. If this is meant, raise its "
        "version in contracts/schema.py (a new optional field: the second number; anything else: the first, and old "
        f"events must be upcast on read; before the first release, no number), then record it: {UPDATE}=1 "
        f"pytest tests/contracts/test_schema.py, and say so in CHANGELOG.md."
    )
