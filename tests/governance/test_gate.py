"""The gate's table: what may run alone, what a person is asked, what nobody may start."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import GateVerdict, rule
from tests.governance.builders import NOW, autonomy, plan, record, standing

ALONE = autonomy(("valve", "alone"), ("crew", "alone"))


def judge(**changes: Any) -> GateVerdict:
    values: dict[str, Any] = {
        "plan": plan(),
        "autonomy": ALONE,
        "mode": "act",
        "standing": [standing()],
        "record": record(),
        "now": NOW,
    }
    values |= changes
    return rule(values.pop("plan"), values.pop("autonomy"), **values)


def test_alone_needs_rule_evidence_and_standing_approval() -> None:
    found = judge()
    assert (found.ruling, found.standing) == ("alone", "sta-1")
    assert found.reasons == (
        "relieve@1: 5 of 5 succeeded",
        "standing approval sta-1 by ada covers 100 of 500 GBP",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"record": record(0)}, "relieve@1: succeeded 0 times, 1 needed to act alone"),
        ({"record": record(2, 3)}, "relieve@1: success rate 0.43, 0.60 needed to act alone"),
        ({"standing": []}, "no standing approval for relieve@1"),
        ({"standing": [standing(template="relieve@2")]}, "no standing approval for relieve@1"),
        ({"standing": [standing(revoked_at=NOW - 1)]}, "standing approval for relieve@1: expired or revoked"),
        ({"standing": [standing(expires_at=NOW)]}, "standing approval for relieve@1: expired or revoked"),
        ({"standing": [standing(granted_at=NOW + 1)]}, "standing approval for relieve@1: expired or revoked"),
        (
            {"standing": [standing(value_ceiling=Decimal(99))]},
            "standing approval: its ceiling of 99 is below the 100 at stake",
        ),
        ({"autonomy": autonomy(("valve", "approve"))}, "valve: the pack's table says approve"),
        (
            {"plan": plan("valve", "crew"), "autonomy": autonomy(("valve", "alone"), ("crew", "approve"))},
            "crew: the pack's table says approve",
        ),
        ({"autonomy": autonomy(("valve", "alone", 99))}, "100 GBP is above every rule for valve; a person is asked"),
        (
            {"autonomy": autonomy(("valve", "alone"), min_successes=6)},
            "relieve@1: succeeded 5 times, 6 needed to act alone",
        ),
    ],
)
def test_anything_less_asks_a_person(change: dict[str, Any], reason: str) -> None:
    found = judge(**change)
    assert (found.ruling, found.standing) == ("ask", None)
    assert found.reasons == (reason,)


def test_one_success_alone_is_never_enough() -> None:
    assert judge(record=record(1)).ruling == "alone", "with a person's standing approval it is"
    assert judge(record=record(1), standing=[]).ruling == "ask"
    assert judge(record=record(10**6), standing=[]).ruling == "ask"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (autonomy(("valve", "never")), "valve: the pack's table says never"),
        (autonomy(("crew", "alone")), "valve: no rule of the pack's autonomy table names it"),
        (autonomy(), "valve: no rule of the pack's autonomy table names it"),
        (autonomy(("valve", "approve", 50), ("valve", "never")), "valve: the pack's table says never"),
    ],
)
@pytest.mark.parametrize("mode", ["act", "observe"])
def test_never(table: Any, reason: str, mode: str) -> None:
    assert judge(autonomy=table, mode=mode) == GateVerdict("never", (reason,))


def test_one_task_for_nobody_makes_the_plan_one() -> None:
    table = autonomy(("valve", "alone"), ("crew", "never"))
    assert judge(plan=plan("valve", "crew"), autonomy=table).ruling == "never"


def test_observe_does_nothing_whatever_is_allowed() -> None:
    assert judge(mode="observe").ruling == "observe"


def test_the_first_rule_that_covers_the_value_decides() -> None:
    table = autonomy(("valve", "alone", 100), ("valve", "approve", 1000), ("valve", "never"))
    rulings = [judge(autonomy=table, plan=plan(value=value)).ruling for value in (100, 101, 1000, 1001)]
    assert rulings == ["alone", "ask", "ask", "never"]


def test_the_tightest_demand_of_any_task_holds() -> None:
    lax, strict = autonomy(("valve", "alone")).rules, autonomy(("crew", "alone"), min_successes=9).rules
    both = autonomy().model_copy(update={"rules": (*lax, *strict)})
    assert judge(plan=plan("valve", "crew"), autonomy=both).ruling == "ask"
    assert judge(plan=plan("valve", "crew"), autonomy=both, record=record(9)).ruling == "alone"


@given(
    st.lists(st.sampled_from(["alone", "approve", "never", "none"]), min_size=1, max_size=3),
    st.integers(0, 3),
    st.integers(0, 6),
    st.sampled_from([None, 50, 100, 200]),
    st.sampled_from(["act", "observe"]),
)
def test_alone_only_when_everything_speaks_for_it(
    mays: list[str], successes: int, failures: int, ceiling: int | None, mode: str
) -> None:
    tools = [f"t{number}" for number in range(len(mays))]
    table = autonomy(*((tool, may) for tool, may in zip(tools, mays, strict=True) if may != "none"))
    found = judge(
        plan=plan(*tools),
        autonomy=table,
        mode=mode,
        record=record(successes, failures),
        standing=[] if ceiling is None else [standing(value_ceiling=Decimal(ceiling))],
    )
    allowed = (
        set(mays) == {"alone"}
        and mode == "act"
        and successes >= 1
        and (successes + 1) / (successes + failures + 2) >= 0.6
        and ceiling is not None
        and ceiling >= 100
    )
    assert (found.ruling == "alone") is allowed
    assert (found.ruling == "never") is bool({"never", "none"} & set(mays))
    assert found.reasons


def test_a_ceiling_does_not_hold_for_a_tool_without_a_quote() -> None:
    table = ALONE.model_copy(
        update={"rules": tuple(each.model_copy(update={"up_to": Decimal(500)}) for each in ALONE.rules)}
    )
    assert judge(autonomy=table).ruling == "alone"
    found = judge(autonomy=table, unquoted=frozenset({"valve"}))
    assert found.ruling == "ask"
    assert found.reasons == ("valve: has no quote, so nobody knows whether it stays below 500 GBP",)
    # Without a ceiling the pack's author has said that the value does not matter.
    assert judge(unquoted=frozenset({"valve"})).ruling == "alone"
