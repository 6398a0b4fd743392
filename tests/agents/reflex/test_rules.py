"""Which events a reflex heeds, and what it makes of them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.monitoring.readings import Readings
from agents.reflex import Reflexes, window_of
from contracts import MINUTE, Event, Reflex

BLOCK = Reflex.model_validate(
    {
        "name": "block_card",
        "of": ["payment.refused"],
        "where": [{"field": "reason", "equals": "stolen"}],
        "tool": "block",
        "arguments": {"card": "$card", "why": "stolen"},
        "value": "amount",
    }
)


def event(number: int, type: str = "payment.refused", **data: Any) -> Event:
    return Event(id=f"e{number}", source="/shop", type=type, time=number * MINUTE, data=data)


def calls(*events: Event, rule: Reflex = BLOCK) -> list[Any]:
    return Reflexes([rule]).calls(Readings.of(events))


def test_an_event_that_passes_every_test_becomes_a_call_with_its_own_values() -> None:
    found = calls(
        event(1, reason="stolen", card="c1", amount="12.50"),
        event(2, reason="limit", card="c2", amount="1"),
        event(3, "payment.made", reason="stolen", card="c3", amount="1"),
    )
    assert [(each.event_id, dict(each.arguments), each.value, each.missing) for each in found] == [
        ("e1", {"card": "c1", "why": "stolen"}, Decimal("12.50"), None)
    ]


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        ({"card": "c1"}, "amount"),
        ({"amount": "1"}, "card"),
        ({"card": "c1", "amount": "much"}, "amount"),
        ({"card": "c1", "amount": "NaN"}, "amount"),
        ({"card": "c1", "amount": "-1"}, "amount"),
    ],
)
def test_what_an_argument_needs_and_the_event_lacks_is_named(data: dict[str, str], missing: str) -> None:
    (call,) = calls(event(1, reason="stolen", **data))
    assert call.missing == missing
    assert call.value == 0


def test_a_window_holds_its_event() -> None:
    assert window_of(BLOCK, 25 * MINUTE) == 20 * MINUTE


@given(st.lists(st.sampled_from(["payment.refused", "payment.made"]), max_size=20), st.integers(0, 20))
def test_where_a_batch_ends_makes_no_difference(types: list[str], cut: int) -> None:
    events = [event(number, kind, reason="stolen", card="c", amount="1") for number, kind in enumerate(types)]
    assert calls(*events) == calls(*events[:cut]) + calls(*events[cut:])


@pytest.mark.parametrize(
    "wrong", [{"of": []}, {"every": "0s"}, {"within": "2h"}, {"at_most": 0}, {"arguments": {"a": "$"}}]
)
def test_a_rule_without_bounds_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Reflex.model_validate({"name": "a", "of": ["b"], "tool": "t"} | wrong)
