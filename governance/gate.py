"""The gate: may this plan run alone, is a person to be asked, or is it for a person altogether?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from contracts import Autonomy, AutonomyRule, Plan, StandingApproval, TrackRecord

Ruling = Literal["alone", "ask", "never", "observe"]


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The ruling with its reasons. `standing` names the standing approval under which a plan runs alone."""

    ruling: Ruling
    reasons: tuple[str, ...]
    standing: str | None = None


def rule(
    plan: Plan,
    autonomy: Autonomy,
    *,
    mode: Literal["observe", "act"],
    standing: Iterable[StandingApproval],
    record: TrackRecord,
    now: int,
    unquoted: frozenset[str] = frozenset(),
) -> GateVerdict:
    """Judge a checked plan by the pack's table.

    To act alone *every* task needs a rule that says `alone`, the template enough evidence, and the plan a standing
    approval of a person that covers its template and its value: evidence alone is never enough. A rule with a ceiling
    does not hold for a tool that is `unquoted`: nobody knows what it would touch.
    """
    verdicts = [_rule_of(task.tool, plan, autonomy, task.tool in unquoted) for task in plan.tasks]
    refused = [reason for found, reason in verdicts if found is None or found.may == "never"]
    if refused:
        return GateVerdict("never", tuple(refused))
    if mode == "observe":
        return GateVerdict("observe", ("the pack is in observe: it says what it would do and does nothing",))
    rules = [found for found, _ in verdicts if found is not None]
    doubts = [reason for found, reason in verdicts if found is not None and found.may == "approve"]
    doubts += _doubts_of_evidence(rules, record)
    permit, doubt = _standing(plan, standing, now)
    if doubts or permit is None:
        return GateVerdict("ask", tuple(doubts + ([doubt] if doubt else [])))
    return GateVerdict(
        "alone",
        (
            f"{plan.template}: {record.successes} of {record.successes + record.failures} succeeded",
            f"standing approval {permit.id} by {permit.granted_by} covers {plan.value_at_stake}"
            f" of {permit.value_ceiling} {autonomy.currency}",
        ),
        permit.id,
    )


def _rule_of(tool: str, plan: Plan, autonomy: Autonomy, unquoted: bool) -> tuple[AutonomyRule | None, str]:
    for found in autonomy.rules:
        if found.tool == tool and found.up_to is not None and unquoted:
            why = f"{tool}: has no quote, so nobody knows whether it stays below {found.up_to} {autonomy.currency}"
            return AutonomyRule(tool=tool, may="never" if found.may == "never" else "approve"), why
        if found.tool == tool and (found.up_to is None or plan.value_at_stake <= found.up_to):
            return found, f"{tool}: the pack's table says {found.may}"
    named = any(found.tool == tool for found in autonomy.rules)
    if named:
        why = f"{plan.value_at_stake} {autonomy.currency} is above every rule for {tool}; a person is asked"
        return AutonomyRule(tool=tool, may="approve"), why
    return None, f"{tool}: no rule of the pack's autonomy table names it"


def _doubts_of_evidence(rules: list[AutonomyRule], record: TrackRecord) -> list[str]:
    needed = max(found.min_successes for found in rules)
    rate = max(found.min_rate for found in rules)
    if record.successes < needed:
        return [f"{record.template}: succeeded {record.successes} times, {needed} needed to act alone"]
    if record.rate < rate:
        return [f"{record.template}: success rate {record.rate:.2f}, {rate:.2f} needed to act alone"]
    return []


def _standing(plan: Plan, standing: Iterable[StandingApproval], now: int) -> tuple[StandingApproval | None, str]:
    of_template = [each for each in standing if each.template == plan.template]
    valid = [each for each in of_template if each.holds(now)]
    covering = sorted((each for each in valid if plan.value_at_stake <= each.value_ceiling), key=lambda each: each.id)
    if covering:
        return covering[0], ""
    if valid:
        highest = max(each.value_ceiling for each in valid)
        return None, f"standing approval: its ceiling of {highest} is below the {plan.value_at_stake} at stake"
    if of_template:
        return None, f"standing approval for {plan.template}: expired or revoked"
    return None, f"no standing approval for {plan.template}"
