from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from agents.planning import PlanningRequest, trace

Ask = Callable[..., PlanningRequest]


class Speed(Enum):
    FAST = "fast"
    SLOW = "slow"


class Parcel(BaseModel):
    carrier: str
    speed: Speed = Speed.SLOW


class Arguments(BaseModel):
    text: str
    warehouse: str
    mode: Literal["all", "open"]
    speed: Speed | None = None
    share: float = Field(ge=0, le=1)
    hours: int = Field(default=24, gt=0)
    parcels: list[Parcel]
    labels: dict[str, str]
    colour: str = Field(examples=["red"])


SCHEMA = Arguments.model_json_schema()


@pytest.mark.parametrize(
    ("name", "value", "source", "ref"),
    [
        ("text", "WH-7", "explanation", "warehouse"),
        ("text", "Cedar", "explanation", "carrier"),
        ("text", "12", "explanation", "shelf"),
        ("text", "late_orders", "signal", "measure"),
        ("text", "WH", "payload", "excerpt 1"),
        ("text", "WH-9", "payload", "excerpt 1"),
        ("text", "cedar", "model", "untraceable"),
        ("text", "", "model", "untraceable"),
        ("warehouse", "WH-7", "explanation", "warehouse"),
        ("warehouse", "Cedar", "model", "untraceable"),
        ("mode", "all", "catalogue", "schema"),
        ("mode", "some", "model", "untraceable"),
        ("speed", "fast", "catalogue", "schema"),
        ("speed", None, "catalogue", "schema"),
        ("share", 0.25, "catalogue", "schema"),
        ("share", 1.5, "model", "untraceable"),
        ("hours", 24, "catalogue", "schema"),
        ("hours", 42, "signal", "observed"),
        ("hours", 12, "explanation", "shelf"),
        ("hours", 48, "model", "untraceable"),
        ("hours", True, "catalogue", "schema"),
        ("colour", "red", "catalogue", "schema"),
        ("colour", "blue", "model", "untraceable"),
        ("parcels", [{"carrier": "Cedar", "speed": "fast"}], "explanation", "carrier"),
        ("parcels", [{"carrier": "Cedar"}, {"carrier": "WH-9"}], "payload", "excerpt 1"),
        ("parcels", [{"carrier": "Cedar", "extra": "WH-7"}], "model", "untraceable"),
        ("parcels", [], "catalogue", "parcels"),
        ("labels", {"Cedar": "WH-7"}, "explanation", "carrier"),
        ("labels", {"Cedar": "Oak"}, "model", "untraceable"),
        ("labels", {"Oak": "Cedar"}, "model", "untraceable"),
        ("unknown", "Oak", "model", "untraceable"),
    ],
)
def test_where_a_value_comes_from(ask: Ask, name: str, value: Any, source: str, ref: str) -> None:
    found = trace(name, value, SCHEMA, ask(excerpts=("WH-9 please",)))
    assert (found.value, found.source, found.ref) == (value, source, ref)


def test_nesting_is_bounded(ask: Ask) -> None:
    value: Any = "WH-7"
    for _ in range(40):
        value = [value]
    assert trace("text", value, SCHEMA, ask()).source == "model"


def test_a_schema_that_refers_to_itself_ends(ask: Ask) -> None:
    schema = {
        "properties": {"tree": {"$ref": "#/$defs/Tree"}},
        "$defs": {"Tree": {"anyOf": [{"$ref": "#/$defs/Tree"}]}},
    }
    assert trace("tree", "Oak", schema, ask()).source == "model"


@given(words=st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_the_least_trusted_part_decides(ask: Ask, words: list[str]) -> None:
    request = ask(excerpts=tuple(words))
    whole = trace("text", ["WH-7", *words], SCHEMA, request)
    parts = {trace("text", word, SCHEMA, request).source for word in words}
    assert (whole.source == "payload") == ("payload" in parts)
