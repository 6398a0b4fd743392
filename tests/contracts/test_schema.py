"""What we publish about our contracts is true, and does not change unnoticed."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts import (
    ApprovalAnswer,
    ApprovalRequest,
    Argument,
    Attribute,
    Cause,
    Command,
    Compensation,
    Contract,
    Decision,
    DimensionCounts,
    Episode,
    Event,
    Evidence,
    Explanation,
    ModelUse,
    Outcome,
    PackManifest,
    Plan,
    Runbook,
    Signal,
    Situation,
    StandingApproval,
    Task,
    TrackRecord,
    ValueCount,
    WindowCounts,
    digest,
    encode_event,
    exported_schemas,
)

LOCK = Path(__file__).with_name("schemas.lock.json")
UPDATE = "FORESTALL_UPDATE_SCHEMAS"

COUNTS = DimensionCounts(dimensions=("depot",), counts=(ValueCount(values=("north",), units=7),), other=1)
WINDOW = WindowCounts(start=0, end=20, duration=20, units=8, dimensions=(COUNTS,))
NORTH = Argument(value="north", source="explanation", ref="depot")
EVENT = Event(id="1", source="/depot", type="parcel.returned", time=1_500_000, data={"depot": "north"}, key="n")
MODEL = ModelUse(
    model="m", prompt="p@1", prompt_digest="0", answer="{}", finish_reason="stop", input_tokens=1, output_tokens=None
)

SAMPLES: dict[str, Contract] = {
    type(sample).__name__: sample
    for sample in (
        ApprovalAnswer(request_id="r", nonce="n", plan_digest="0", verdict="denied", person="ada", answered_at=5),
        ApprovalRequest(
            id="r",
            incident_id="i",
            pack="parcels",
            tenant="default",
            plan_digest="0",
            template="close@1",
            nonce="n",
            value_at_stake=Decimal("12.50"),
            summary="Close north",
            reasons=("over the ceiling",),
            requested_at=1,
            expires_at=2,
        ),
        Command(
            id="c",
            incident_id="i",
            pack="parcels",
            tenant="default",
            plan_version=1,
            ordinal="1",
            tool="close_depot",
            arguments={"depot": "north"},
            deadline=9,
            value_ceiling=Decimal(100),
            authority="approval:r",
        ),
        Decision(
            incident_id="i",
            graph="incident",
            subject="i",
            step=1,
            node="plan",
            summary="",
            semantic={"a": [1]},
            confidence=0.5,
            verdicts=("approve",),
            model=MODEL,
            at=3,
        ),
        Episode(
            id="e",
            incident_id="i",
            tenant="default",
            situation=Situation(
                pack="parcels",
                detector="d",
                measure="returns",
                key="all",
                pattern="spike",
                severity=4.5,
                verdict="attributed",
                attributes={"depot": "north"},
                text="north returns everything",
            ),
            template=None,
            lane="recall",
            status="resolved",
            credit="success",
            opened_at=1,
            closed_at=2,
        ),
        Evidence(unit="parcel", expected_units=2.5, window=WINDOW, baseline=WINDOW),
        Explanation(
            verdict="attributed",
            excess=5.5,
            tested=3,
            causes=(
                Cause(
                    attributes=(Attribute(dimension="depot", value="north"),),
                    window_units=7,
                    expected_units=1.5,
                    excess_share=0.9,
                    lift=4.0,
                    p_value=0.001,
                ),
            ),
            summary="north",
        ),
        Outcome(command_id="c", incident_id="i", status="failed", error="closed"),
        PackManifest.model_validate(
            {
                "pack": "parcels",
                "title": "Parcels",
                "streams": [{"topic": "parcels", "types": [{"type": "parcel.returned", "data": {"type": "object"}}]}],
                "measures": [
                    {
                        "name": "returns",
                        "title": "Returns",
                        "of": ["parcel.returned"],
                        "where": [{"field": "country", "one_of": ["GB", "NO"]}],
                        "pane": "15m",
                    }
                ],
                "detectors": [{"name": "d", "measure": "returns", "kind": "count", "settings": {"sensitivity": 3}}],
                "autonomy": {"rules": [{"tool": "close_depot", "up_to": "250.00", "may": "alone"}]},
            }
        ),
        Plan(
            incident_id="i",
            version=1,
            goal="fewer returns",
            lane="recall",
            template="close@1",
            reason="known",
            tasks=(
                Task(
                    ordinal=1,
                    tool="close_depot",
                    arguments={"depot": NORTH},
                    cost=Decimal("3.20"),
                    compensation=Compensation(tool="open_depot", arguments={"depot": NORTH}),
                ),
            ),
            value_at_stake=Decimal(40),
            deadline=9,
        ),
        Runbook.model_validate(
            {
                "runbook": "close_a_depot",
                "title": "Close",
                "situation": "all returns from one depot",
                "applies": {"measure": "returns", "explained_by": ["depot"]},
                "parameters": {"depot": {"from": "explanation.depot"}, "hours": {"type": "integer", "value": 4}},
                "tasks": [
                    {
                        "tool": "close_depot",
                        "arguments": {"depot": "$depot", "hours": "$hours"},
                        "cost": "1.50",
                        "compensation": {"tool": "open_depot", "arguments": {"depot": "$depot"}},
                    }
                ],
            }
        ),
        Signal(
            id="s",
            tenant="default",
            pack="parcels",
            detector="d",
            measure="returns",
            key="all",
            pattern="spike",
            onset=1,
            noticed_at=2,
            observed=9.0,
            expected=2.0,
            score=5.5,
        ),
        StandingApproval(
            id="a",
            pack="parcels",
            tenant="default",
            template="close@1",
            value_ceiling=Decimal(10),
            granted_by="ada",
            granted_at=1,
            expires_at=2,
            because_of="i",
        ),
        TrackRecord(template="close@1", successes=3),
    )
}


def written(name: str) -> Any:
    """The sample as it travels."""
    return json.loads(encode_event(EVENT)) if name == "Event" else SAMPLES[name].model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("name", sorted(exported_schemas()))
def test_what_we_write_fits_its_schema(name: str) -> None:
    schema = exported_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert (schema["title"], schema["$id"]) == (name, f"urn:forestall:{name}:{schema['version']}")
    validator = Draft202012Validator(schema)
    document = written(name)
    assert [error.message for error in validator.iter_errors(document)] == []
    document[next(iter(schema["required"]))] = {"neither": "text nor number"}
    assert not validator.is_valid(document)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_we_write_is_read_back(name: str) -> None:
    sample = SAMPLES[name]
    assert type(sample).model_validate(json.loads(json.dumps(written(name)))) == sample


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
