from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planning import PlanningRequest, RunbookDoesNotFit, bind
from contracts import Argument, Runbook

Ask = Callable[..., PlanningRequest]


def runbook(parameters: dict[str, Any], *tasks: dict[str, Any]) -> Runbook:
    return Runbook.model_validate(
        {
            "runbook": "reroute_orders",
            "version": 2,
            "title": "Serve from elsewhere",
            "situation": "late orders in one warehouse",
            "applies": {"measure": "late_orders"},
            "parameters": parameters,
            "tasks": tasks,
        }
    )


WAREHOUSE = {"warehouse": {"from": "explanation.warehouse"}}


def test_parameters_fill_arguments_and_tell_their_source(ask: Ask) -> None:
    book = runbook(
        {**WAREHOUSE, "seen": {"type": "integer", "from": "signal.observed"}, "mode": {"value": "all"}},
        {
            "tool": "reroute_orders",
            "arguments": {"warehouse": "$warehouse", "limit": "$seen", "mode": "$mode", "dry": False},
            "cost": "12.50",
            "risk": "low",
            "timeout": "90s",
            "compensation": {"tool": "reroute_orders", "arguments": {"warehouse": "$warehouse"}},
        },
        {"tool": "send_notice", "arguments": {"addresses": ["ops", "$warehouse"]}, "depends_on": [1]},
    )
    draft = bind(book, ask())
    first, second = draft.tasks
    assert (draft.lane, draft.template, draft.model) == ("recall", "reroute_orders@2", None)
    assert first.arguments == {
        "warehouse": Argument(value="WH-7", source="explanation", ref="warehouse"),
        "limit": Argument(value=42, source="signal", ref="observed"),
        "mode": Argument(value="all", source="runbook", ref="reroute_orders@2"),
        "dry": Argument(value=False, source="runbook", ref="reroute_orders@2"),
    }
    assert isinstance(first.arguments["limit"].value, int)
    assert first.compensation is not None
    assert first.compensation.arguments["warehouse"].value == "WH-7"
    assert (first.ordinal, first.timeout_s, str(first.cost)) == (1, 90, "12.50")
    assert second.arguments["addresses"] == Argument(value=["ops", "WH-7"], source="explanation", ref="warehouse")
    assert second.depends_on == (1,)
    assert "warehouse=WH-7" in draft.reason


def test_a_task_is_never_less_risky_than_its_tool(ask: Ask) -> None:
    book = runbook(
        WAREHOUSE,
        {"tool": "reroute_orders", "arguments": {"warehouse": "$warehouse"}, "risk": "low"},
        {"tool": "send_notice", "arguments": {"addresses": []}, "risk": "medium"},
    )
    assert [task.risk for task in bind(book, ask()).tasks] == ["high", "medium"]


@pytest.mark.parametrize(
    ("parameters", "arguments", "field", "says"),
    [
        ({"colour": {"from": "explanation.colour"}}, {}, "parameters.colour", "names no colour"),
        ({"x": {"from": "signal.colour"}}, {}, "parameters.x", "a signal has only"),
        ({"x": {"from": "signal.evidence"}}, {}, "parameters.x", "has no evidence"),
        ({"x": {"from": "signal.expected", "type": "integer"}}, {}, "parameters.x", "7.5 is not a finite integer"),
        ({"x": {"from": "explanation.warehouse", "type": "number"}}, {}, "parameters.x", "not a finite number"),
        ({"x": {"value": "nan", "type": "number"}}, {}, "parameters.x", "not a finite number"),
        ({"x": {"value": [1]}}, {}, "parameters.x", "not a finite string"),
        (WAREHOUSE, {"warehouse": "in $warehouse"}, "tasks.1.arguments.warehouse", "must be the whole value"),
        (WAREHOUSE, {"note": ["$5"]}, "tasks.1.arguments.note", "must be the whole value"),
        (WAREHOUSE, {"warehouse": "$store"}, "tasks.1.arguments.warehouse", "names no parameter; declared: warehouse"),
    ],
)
def test_what_does_not_fit_is_named(
    ask: Ask, parameters: dict[str, Any], arguments: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(RunbookDoesNotFit, match=says) as caught:
        bind(runbook(parameters, {"tool": "reroute_orders", "arguments": arguments}), ask())
    assert caught.value.field == field
    assert str(caught.value).startswith("reroute_orders@2: " + field)


@pytest.mark.parametrize("dependency", [0, 1, 2])
def test_a_task_depends_on_earlier_ones_only(ask: Ask, dependency: int) -> None:
    with pytest.raises(RunbookDoesNotFit, match=f"{dependency} is no earlier task"):
        bind(runbook({}, {"tool": "reroute_orders", "depends_on": [dependency]}), ask())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("$warehouse"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


@given(arguments=st.dictionaries(st.from_regex("[a-z]{1,4}", fullmatch=True), VALUES, max_size=3))
def test_binding_leaves_no_parameter_and_changes_nothing_else(ask: Ask, arguments: dict[str, Any]) -> None:
    book = runbook(WAREHOUSE, {"tool": "reroute_orders", "arguments": arguments})
    texts = [leaf for leaf in _leaves(arguments) if isinstance(leaf, str) and leaf != "$warehouse"]
    if any("$" in text for text in texts):
        with pytest.raises(RunbookDoesNotFit):
            bind(book, ask())
        return
    bound = bind(book, ask()).tasks[0].arguments
    for name, before in arguments.items():
        expected = ["WH-7" if leaf == "$warehouse" else leaf for leaf in _leaves(before)]
        assert _leaves(bound[name].value) == expected
        assert (bound[name].source == "explanation") == ("$warehouse" in _leaves(before))
