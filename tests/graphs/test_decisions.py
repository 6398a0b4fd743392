"""The digest of decisions: what changes it, and what does not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import GRAPH_ORDER, Decision, ModelUse, decision_digest, decision_order

MODEL = ModelUse(
    model="m", prompt="plan@1", prompt_digest="d", answer="yes", finish_reason="stop", input_tokens=1, output_tokens=2
)


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "incident_id": "inc-1",
        "graph": "incident",
        "subject": "inc-1",
        "step": 0,
        "node": "gate",
        "summary": "may act alone",
        "semantic": {"ruling": "alone", "value": 3},
        "known": {"evidence": "abc"},
        "alternatives": ({"template": "a"},),
        "confidence": 0.5,
        "verdicts": ("fine",),
        "model": MODEL,
        "at": 100,
        "latency_ms": 1.5,
        "worker": "a",
    }
    return Decision.model_validate(values | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"incident_id": "inc-2"},
        {"graph": "execution"},
        {"subject": "cmd-1"},
        {"step": 1},
        {"node": "plan"},
        {"semantic": {"ruling": "ask", "value": 3}},
        {"semantic": {"ruling": "alone", "value": 3.5}},
        {"semantic": {"ruling": "alone", "value": 3, "more": None}},
        {"known": {"evidence": "abd"}},
        {"alternatives": ()},
        {"confidence": None},
        {"verdicts": ("fine", "fine")},
        {"model": None},
        {"model": MODEL.model_copy(update={"answer": "no"})},
        {"model": MODEL.model_copy(update={"prompt": "plan@2"})},
    ],
    ids=lambda change: ",".join(change),
)
def test_what_was_decided_changes_the_digest(change: dict[str, Any]) -> None:
    assert decision_digest([decision(**change)]) != decision_digest([decision()])


@pytest.mark.parametrize(
    "change",
    [
        {"at": 101},
        {"latency_ms": None},
        {"worker": "b"},
        {"summary": "in other words"},
        {"semantic": {"value": 3, "ruling": "alone"}},
        {"model": MODEL.model_copy(update={"output_tokens": 9, "cost": Decimal(1)})},
    ],
    ids=lambda change: ",".join(change),
)
def test_when_where_and_how_fast_does_not(change: dict[str, Any]) -> None:
    assert decision_digest([decision(**change)]) == decision_digest([decision()])


SOME = st.lists(
    st.builds(
        lambda incident, graph, subject, step, value: decision(
            incident_id=incident, graph=graph, subject=subject, step=step, semantic={"value": value}
        ),
        st.sampled_from(["inc-1", "inc-2", "inc-10"]),
        st.sampled_from(GRAPH_ORDER),
        st.sampled_from(["a", "b"]),
        st.integers(0, 12),
        st.integers(0, 3),
    ),
    unique_by=lambda each: (each.incident_id, decision_order(each)),
    max_size=12,
)


@given(SOME, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(decisions: list[Decision], random: Any) -> None:
    mixed = list(decisions)
    random.shuffle(mixed)
    assert decision_digest(mixed) == decision_digest(decisions)


@given(SOME, st.data())
def test_every_decision_counts(decisions: list[Decision], data: st.DataObject) -> None:
    if not decisions:
        return
    left_out = data.draw(st.integers(0, len(decisions) - 1))
    fewer = decisions[:left_out] + decisions[left_out + 1 :]
    assert decision_digest(fewer) != decision_digest(decisions)


def test_a_decision_belongs_to_its_incident() -> None:
    """Two chains are not one: the same steps, divided otherwise, have another digest."""
    one = [decision(step=0), decision(step=1, incident_id="inc-2")]
    two = [decision(step=0), decision(step=1)]
    assert decision_digest(one) != decision_digest(two)
    assert decision_digest([]) == decision_digest(iter(()))
