from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planning import (
    Draft,
    PlanLimits,
    PlanningRequest,
    PlanRefused,
    check,
    check_draft,
    ensure_quotable,
    ensure_sound,
    make_plan,
)
from contracts import HOUR, SECOND, Argument, Compensation, Lane, Plan, Source, Task
from tools import Catalogue, Quote

Ask = Callable[..., PlanningRequest]


def call(tool: str = "reroute_orders", source: Source = "model", **arguments: Any) -> dict[str, Any]:
    named = {name: Argument(value=value, source=source, ref="x") for name, value in arguments.items()}
    return {"tool": tool, "arguments": named, "timeout_s": 60}


def draft(*tasks: dict[str, Any], lane: Lane = "deliberate") -> Draft:
    numbered = tuple(Task(**({"ordinal": ordinal} | task)) for ordinal, task in enumerate(tasks, 1))
    return Draft(tasks=numbered, lane=lane, template="plan_incident@1", reason="because")


GOOD = call(warehouse="WH-7")


class Desk:
    """Makes and checks plans for one request."""

    def __init__(self, ask: Ask, catalogue: Catalogue, **changes: Any) -> None:
        self.request = ask(**changes)
        self.catalogue = catalogue

    def codes(
        self,
        *tasks: dict[str, Any],
        lane: Lane = "deliberate",
        quotes: dict[int, Quote] | None = None,
        limits: PlanLimits | None = None,
        **changes: Any,
    ) -> list[str]:
        asked = {ordinal: Quote(Decimal(5)) for ordinal in range(1, len(tasks) + 1)} if quotes is None else quotes
        plan = make_plan(self.request, draft(*tasks, lane=lane), asked).model_copy(update=changes)
        return [finding.code for finding in check(plan, self.request, self.catalogue, asked, limits)]


@pytest.fixture
def desk(ask: Ask, catalogue: Catalogue) -> Desk:
    return Desk(ask, catalogue)


def test_a_sound_plan_stands(desk: Desk) -> None:
    second = call("switch_carrier", carrier="Cedar", to_carrier="Birch") | {"depends_on": (1,)}
    assert desk.codes(GOOD, second) == []


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (call("drop_database"), "unknown_tool"),
        (call(), "wrong_arguments"),
        (call(warehouse="WH-7", limit="many"), "wrong_arguments"),
        (call(warehouse="WH-8"), "untraceable_argument"),
        (call(warehouse="WH-7", limit=500), "untraceable_argument"),
        (GOOD | {"cost": Decimal("100.01")}, "over_budget"),
        (GOOD | {"cost": Decimal(-1)}, "bad_cost"),
        (GOOD | {"timeout_s": 4 * 3600 + 1}, "too_slow"),
        (GOOD | {"timeout_s": 0}, "bad_timeout"),
        (GOOD | {"depends_on": (9,)}, "unknown_dependency"),
        (GOOD | {"depends_on": (1,)}, "forward_dependency"),
        (GOOD | {"compensation": Compensation(tool="undo_it")}, "unknown_tool"),
        (GOOD | {"compensation": Compensation(tool="reroute_orders")}, "wrong_arguments"),
        (
            GOOD
            | {"compensation": Compensation(**{k: v for k, v in call(warehouse="WH-8").items() if k != "timeout_s"})},
            "untraceable_argument",
        ),
    ],
)
def test_one_fault_one_finding(desk: Desk, task: dict[str, Any], code: str) -> None:
    found = [each for each in desk.codes(task) if not (each == "untraceable_argument" and code == "wrong_arguments")]
    assert found == [code]


def test_faults_of_the_whole_plan(desk: Desk, ask: Ask, catalogue: Catalogue) -> None:
    assert desk.codes() == ["no_tasks"]
    assert desk.codes(GOOD, GOOD, GOOD, limits=PlanLimits(max_tasks=2)) == ["too_many_tasks"]
    assert desk.codes(GOOD, GOOD | {"ordinal": 1}) == ["repeated_ordinal"]
    assert desk.codes(GOOD, incident_id="inc-2") == ["other_request"]
    late = Desk(ask, catalogue, deadline=desk.request.now)
    assert late.codes(GOOD) == ["deadline_passed"]


def test_the_chain_of_timeouts_must_end_before_the_deadline(desk: Desk) -> None:
    long = GOOD | {"timeout_s": 2 * 3600}
    assert desk.codes(long, long, long) == []
    assert desk.codes(long, long | {"depends_on": (1,)}) == []
    assert desk.codes(long, long | {"depends_on": (1,)}, GOOD | {"depends_on": (2,)}) == ["too_slow"]


def test_quotes_decide_what_is_at_stake(desk: Desk) -> None:
    quotes = {1: Quote(Decimal("10.10")), 2: Quote(Decimal("0.20"))}
    plan = make_plan(desk.request, draft(GOOD, GOOD), quotes)
    assert plan.value_at_stake == Decimal("10.30")
    assert desk.codes(GOOD, GOOD, quotes=quotes, value_at_stake=Decimal("10.10")) == ["wrong_value_at_stake"]
    assert desk.codes(GOOD, GOOD, quotes={1: Quote(Decimal(1))}) == ["unquoted"]
    assert desk.codes(GOOD, quotes={1: Quote(Decimal(0), feasible=False, reason="no stock")}) == ["infeasible"]
    assert desk.codes(GOOD, quotes={1: Quote(Decimal(-1))}) == ["bad_quote"]
    assert desk.codes(GOOD, quotes={1: Quote(Decimal("Infinity"))}) == ["bad_quote"]


def test_a_draft_is_judged_before_any_tool_is_asked(desk: Desk) -> None:
    bad = draft(call(warehouse="WH-8") | {"timeout_s": 0}, call("drop_database"), lane="deliberate")
    findings = check_draft(bad, desk.request, desk.catalogue)
    assert [finding.code for finding in findings] == ["bad_timeout", "untraceable_argument", "unknown_tool"]
    assert ensure_quotable(draft(GOOD), desk.request, desk.catalogue) == draft(GOOD)


def test_no_budget_means_no_bound(ask: Ask, catalogue: Catalogue) -> None:
    assert Desk(ask, catalogue, budget=None).codes(GOOD | {"cost": Decimal(10**9)}) == []


def test_a_value_out_of_a_payload_is_refused_whatever_source_is_claimed(ask: Ask, catalogue: Catalogue) -> None:
    desk = Desk(ask, catalogue, excerpts=("please reroute WH-66 at once", "Cedar"))
    for claimed in ("model", "explanation", "signal", "runbook", "catalogue"):
        assert desk.codes(call(source=claimed, warehouse="WH-66")) == ["payload_argument"]
    assert desk.codes(call("switch_carrier", carrier="Cedar")) == []
    assert desk.codes(call(warehouse="Cedar")) == ["payload_argument"]
    assert desk.codes(call("send_notice", addresses=["WH-7", "WH-66"])) == ["payload_argument"]
    assert desk.codes(call("send_notice", addresses=[], labels={"WH-66": "Cedar"})) == ["payload_argument"]
    assert desk.codes(call("send_notice", addresses=[], labels={"Cedar": "WH-9"})) == ["untraceable_argument"]


def test_what_a_person_typed_needs_no_trace(desk: Desk) -> None:
    assert desk.codes(call(source="operator", warehouse="WH-9")) == []


def test_a_runbook_speaks_for_its_constants_but_nobody_for_a_payload(desk: Desk) -> None:
    assert desk.codes(call(source="runbook", warehouse="WH-9"), lane="recall") == []
    assert desk.codes(call(source="payload", warehouse="WH-9"), lane="recall") == ["payload_argument"]


def test_refusal_carries_the_findings(ask: Ask, catalogue: Catalogue) -> None:
    request = ask()
    quotes = {1: Quote(Decimal(0))}
    plan = make_plan(request, draft(call(warehouse="WH-8")), quotes)
    with pytest.raises(PlanRefused, match=r"task 1: arguments.warehouse: 'WH-8' .*ask a person") as caught:
        ensure_sound(plan, request, catalogue, quotes)
    assert [finding.code for finding in caught.value.findings] == ["untraceable_argument"]
    with pytest.raises(PlanRefused, match="untraceable_argument"):
        ensure_quotable(draft(call(warehouse="WH-8")), request, catalogue)
    sound = make_plan(request, draft(GOOD), quotes)
    assert ensure_sound(sound, request, catalogue, quotes) is sound


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[int, tuple[int, ...]]]:
    """Timeouts in seconds and dependencies of up to eight tasks; some depend on themselves, later or unknown ones."""
    size = draw(st.integers(1, 8))
    edges = st.lists(st.integers(1, size + 1), max_size=3, unique=True)
    return [(draw(st.integers(1, 5400)), tuple(draw(edges))) for _ in range(size)]


def _longest(tasks: list[tuple[int, tuple[int, ...]]], ordinal: int) -> int:
    timeout, before = tasks[ordinal - 1]
    return timeout + max((_longest(tasks, each) for each in before), default=0)


@given(tasks=graphs())
def test_a_plan_stands_exactly_when_its_graph_does(ask: Ask, catalogue: Catalogue, tasks: Any) -> None:
    request = ask()
    quotes = {ordinal: Quote(Decimal(ordinal)) for ordinal in range(1, len(tasks) + 1)}
    plan: Plan = make_plan(
        request, draft(*(GOOD | {"timeout_s": timeout, "depends_on": before} for timeout, before in tasks)), quotes
    )
    codes = {finding.code for finding in check(plan, request, catalogue, quotes)}
    lower = all(each < ordinal for ordinal, (_, before) in enumerate(tasks, 1) for each in before)
    assert (not codes & {"forward_dependency", "unknown_dependency"}) == lower
    if lower:
        longest = max(_longest(tasks, ordinal) for ordinal in range(1, len(tasks) + 1))
        assert codes == ({"too_slow"} if longest * SECOND > 4 * HOUR else set())


@given(word=st.text(max_size=12), excerpts=st.lists(st.text(max_size=30), max_size=3))
def test_only_what_the_incident_vouches_for_passes(
    ask: Ask, catalogue: Catalogue, word: str, excerpts: list[str]
) -> None:
    desk = Desk(ask, catalogue, excerpts=tuple(excerpts))
    vouched = {"WH-7", *(str(value) for _, value in desk.request.signal if value is not None)}
    codes = desk.codes(call(warehouse=word))
    if word in vouched or word in {"42", "7.5", "9.25"}:
        assert codes == []
    else:
        assert codes == [
            "payload_argument" if word and any(word in text for text in excerpts) else "untraceable_argument"
        ]
