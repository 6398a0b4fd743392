"""The tasks' order and time: ordinals, dependencies, deadline."""

from collections.abc import Iterator, Sequence

from agents.planning.findings import Finding, PlanLimits
from contracts import SECOND, Task, to_iso


def check_schedule(tasks: Sequence[Task], now: int, deadline: int, limits: PlanLimits) -> Iterator[Finding]:
    """Findings about the number of tasks, their order, and whether they can end before `deadline` (microseconds).

    A task may only depend on lower ordinals, so no cycle is possible. It starts no earlier than the longest chain of
    timeouts before it: what that chain and its own timeout exceed, the plan cannot keep.
    """
    if not tasks:
        yield Finding("no_tasks", None, "tasks: none; a plan needs at least one")
    if len(tasks) > limits.max_tasks:
        yield Finding(
            "too_many_tasks", None, f"tasks: {len(tasks)}, at most {limits.max_tasks}; split the plan or raise it"
        )
    if deadline <= now:
        yield Finding(
            "deadline_passed", None, f"deadline: {to_iso(deadline)} is not after now ({to_iso(now)}); plan anew"
        )
    ends: dict[int, int] = {}
    ordinals = {task.ordinal for task in tasks}
    for task in sorted(tasks, key=lambda each: each.ordinal):
        if task.ordinal in ends:
            yield Finding("repeated_ordinal", task.ordinal, f"ordinal: {task.ordinal} occurs twice; number from 1")
        yield from _dependencies(task, ordinals)
        if not 0 < task.timeout_s <= limits.max_timeout_s:
            rule = f"must be 1 to {limits.max_timeout_s} seconds"
            yield Finding("bad_timeout", task.ordinal, f"timeout_s: {task.timeout_s} {rule}; correct the task")
        start = max((ends.get(dependency, now) for dependency in task.depends_on), default=now)
        ends[task.ordinal] = start + task.timeout_s * SECOND
        if now < deadline < ends[task.ordinal]:
            late = f"it may end at {to_iso(ends[task.ordinal])}, after the deadline {to_iso(deadline)}"
            yield Finding("too_slow", task.ordinal, f"timeout_s: {task.timeout_s}: {late}; shorten it or the chain")


def _dependencies(task: Task, ordinals: set[int]) -> Iterator[Finding]:
    for dependency in task.depends_on:
        if dependency not in ordinals:
            problem = f"depends_on: {dependency} is no task of this plan; known: {sorted(ordinals)}"
            yield Finding("unknown_dependency", task.ordinal, problem)
        elif dependency >= task.ordinal:
            problem = f"depends_on: {dependency} does not come before {task.ordinal}; depend on lower ordinals only"
            yield Finding("forward_dependency", task.ordinal, problem)
