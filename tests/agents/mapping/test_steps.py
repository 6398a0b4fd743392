"""Filtering and enrichment."""

from typing import Any

import pytest

from agents.mapping import Steps
from contracts import Event, StreamSpec

ROWS = {"A": {"region": "north", "size": 3}, "B": {"region": None, "size": 1}}
TABLE = {"table": "w.csv", "on": "warehouse", "match": "code", "take": {"region": "region", "size": "size"}}


def stream(**steps: Any) -> StreamSpec:
    return StreamSpec.model_validate({"topic": "t", "types": [{"type": "order"}], **steps})


def applied(data: dict[str, Any], **steps: Any) -> Any:
    event = Event(id="1", source="s", type="order", time=0, data=data, key="k")
    found = Steps(stream(**steps)).apply(event)
    assert event.data == data
    if found is None:
        return None
    assert (found.id, found.key, found.type) == ("1", "k", "order")
    return found.data


def test_what_does_not_fit_is_filtered_out() -> None:
    keep = [{"field": "status", "one_of": ["paid", "sent"]}, {"field": "country", "prefix": "G"}]
    assert applied({"status": "paid", "country": "GB"}, keep=keep) == {"status": "paid", "country": "GB"}
    assert applied({"status": "open", "country": "GB"}, keep=keep) is None
    assert applied({"status": "paid"}, keep=keep) is None


@pytest.mark.parametrize(
    ("warehouse", "missing", "expected"),
    [
        ("A", None, {"region": "north", "size": 3}),
        ("B", None, {"size": 1}),
        ("B", "unknown", {"region": "unknown", "size": 1}),
        ("C", "unknown", {"region": "unknown", "size": "unknown"}),
        (["A"], None, {}),
        (None, "unknown", {"region": "unknown", "size": "unknown"}),
    ],
)
def test_a_table_adds_fields(warehouse: Any, missing: str | None, expected: dict[str, Any]) -> None:
    data = {"no": 1} if warehouse is None else {"no": 1, "warehouse": warehouse}
    assert applied(data, enrich=[TABLE | {"missing": missing, "rows": ROWS}]) == data | expected


def test_steps_follow_each_other() -> None:
    second = {"table": "r.csv", "on": "region", "match": "r", "take": {"zone": "z"}, "rows": {"north": {"z": "cold"}}}
    enrich = [TABLE | {"rows": ROWS}, second, {"set": "channel", "to": "web"}]
    assert applied({"warehouse": "A"}, enrich=enrich) == {
        "warehouse": "A", "region": "north", "size": 3, "zone": "cold", "channel": "web",
    }  # fmt: skip


def test_a_table_that_was_not_read_is_told() -> None:
    with pytest.raises(ValueError, match=r"table: 'w.csv' was not read"):
        Steps(stream(enrich=[TABLE]))
