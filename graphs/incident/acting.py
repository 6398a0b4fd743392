"""From an allowed plan to commands, one after the other, and back again when one fails."""

from decimal import Decimal
from typing import Any

from agents.monitoring import Watch, still_wrong
from contracts import Command, Plan, Task, command_id
from graphs.incident.handing_over import hand_over
from graphs.incident.state import IncidentState, Update
from graphs.segment import Segment


async def dispatch(state: IncidentState, segment: Segment) -> Update:
    """Issue the next command whose dependencies have succeeded.

    Before the first one the measure is looked at once more: what has come right by itself needs no repair.
    """
    plan = Plan.model_validate(state["plan"])
    commands = dict(state["commands"])
    if not commands and (stale := segment.stale):
        return await hand_over(stale, segment)
    if not commands and not await _still_wrong(state, segment):
        return _stand_by(state, segment)
    task = next(task for task in plan.tasks if str(task.ordinal) not in commands)
    arguments = {name: argument.value for name, argument in task.arguments.items()}
    command = _command(plan, state, segment, str(task.ordinal), task.tool, arguments, task.timeout_s)
    _issue(command, segment)
    commands[command.ordinal] = {"id": command.id, "tool": command.tool, "status": "issued"}
    return {"commands": commands, "phase": "executing", "next": "wait"}


async def _still_wrong(state: IncidentState, segment: Segment) -> bool:
    signal = state["signal"]
    recent = await segment.services.recent(segment.run.pack, signal["measure"], signal["detector"], signal["key"])
    return still_wrong(recent)


def _stand_by(state: IncidentState, segment: Segment) -> Update:
    signal = state["signal"]
    manifest = segment.pack.manifest
    pane = next(measure.pane for measure in manifest.measures if measure.name == signal["measure"])
    if state.get("phase") != "standing_by":
        segment.decide("dispatch", "the measure is within its band again: standing by", {"standing_by": True})
    watch = Watch(
        since=signal["noticed_at"], panes=manifest.recovery.panes, until=None, looks=(segment.event_now + pane,)
    )
    segment.watch(signal, watch)
    return {"phase": "standing_by", "next": "wait"}


def _command(
    plan: Plan,
    state: IncidentState,
    segment: Segment,
    ordinal: str,
    tool: str,
    arguments: dict[str, Any],
    timeout_s: int,
    compensates: str | None = None,
    deadline: int | None = None,
) -> Command:
    checked = segment.pack.catalogue.get(tool).validate(arguments)
    return Command(
        id=command_id(plan.incident_id, plan.version, ordinal, tool, checked),
        incident_id=plan.incident_id,
        pack=segment.run.pack,
        tenant=segment.run.tenant,
        plan_version=plan.version,
        ordinal=ordinal,
        tool=tool,
        arguments=checked,
        deadline=deadline or plan.deadline,
        timeout_s=timeout_s,
        value_ceiling=Decimal(state["value_ceiling"]),
        authority=state["authority"],
        compensates=compensates,
    )


def _issue(command: Command, segment: Segment) -> None:
    semantic = {"command": command.id, "tool": command.tool, "arguments": command.arguments}
    segment.decide("dispatch", f"{command.tool}({_plain(command.arguments)})", semantic)
    segment.dispatch(command, segment.pack.catalogue.get(command.tool).effect)
    segment.note("acting", {"acting": command.tool})


def _plain(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


async def outcome(state: IncidentState, segment: Segment) -> Update:
    """What came of a command: go on, verify, compensate, or wait for a person's word."""
    result = state["mail"]["outcome"]
    commands = {ordinal: dict(command) for ordinal, command in state["commands"].items()}
    found = next((each for each in commands.values() if each["id"] == result["command_id"]), None)
    if found is None:
        return {"next": "wait"}
    found.update(status=result["status"], result=result["result"], error=result["error"])
    segment.decide(
        "outcome", f"{found['tool']} {result['status']}", {"command": found["id"], "status": result["status"]}
    )
    if result["status"] == "unknown":
        return _unsettled(found, segment) | {"commands": commands}
    if "ending" in state:
        return {"commands": commands, **_compensate(state, commands, segment)}
    if result["status"] != "succeeded":
        ending = {
            "status": "escalated",
            "credit": "none",
            "reason": f"{found['tool']} {result['status']}: {result['error']}",
        }
        return {"commands": commands, "ending": ending, **_compensate({**state, "ending": ending}, commands, segment)}
    plan = Plan.model_validate(state["plan"])
    if any(str(task.ordinal) not in commands for task in plan.tasks):
        return {"commands": commands, "phase": "executing", "next": "dispatch"}
    return {"commands": commands, **_verify(state, commands, segment)}


def _unsettled(command: dict[str, Any], segment: Segment) -> Update:
    reason = f"nobody can say whether {command['tool']} happened: {command['error']}"
    segment.note("unsettled", {"status": "escalated", "reason": reason, "unsettled": command["id"]})
    return {"phase": "unsettled", "next": "wait"}


def _verify(state: IncidentState, commands: dict[str, Any], segment: Segment) -> Update:
    """A durable watch on the measure that raised the incident."""
    recovery = _recovery(state, segment)
    segment.watch(
        state["signal"], Watch(since=segment.moment, panes=recovery.panes, until=segment.moment + recovery.within)
    )
    # The watch goes by the measure's own time; should the stream fall silent, the clock ends it.
    segment.timers["verify"] = segment.now + recovery.within + segment.pack.manifest.autonomy.max_lag
    segment.note("acted", {"status": "open", "acted_at": segment.moment, "commands": command_ids(commands)})
    return {"acted_at": segment.moment, "phase": "verifying", "next": "wait"}


def _recovery(state: IncidentState, segment: Segment) -> Any:
    runbook = segment.pack.runbooks.get(state["plan"]["template"])
    return runbook.recovery if runbook else segment.pack.manifest.recovery


def command_ids(commands: dict[str, Any]) -> list[str]:
    """In the order of their ordinals."""
    return [command["id"] for _, command in sorted(commands.items())]


def _compensate(state: IncidentState, commands: dict[str, Any], segment: Segment) -> Update:
    """Undo what succeeded, the latest first, one command at a time; then it is a person's."""
    plan = Plan.model_validate(state["plan"])
    for task in reversed(plan.tasks):
        done = commands.get(str(task.ordinal))
        ordinal = f"{task.ordinal}c"
        if done and done["status"] == "succeeded" and task.compensation and ordinal not in commands:
            command = _undo(plan, task, state, segment, ordinal, done["id"])
            _issue(command, segment)
            commands[ordinal] = {"id": command.id, "tool": command.tool, "status": "issued"}
            return {"phase": "compensating", "next": "wait"}
    failed = [
        each["tool"] for ordinal, each in commands.items() if ordinal.endswith("c") and each["status"] != "succeeded"
    ]
    ending = dict(state["ending"])
    if failed:
        ending["reason"] += f"; could not undo: {', '.join(failed)}"
    return {"ending": ending, "next": "conclude"}


def _undo(plan: Plan, task: Task, state: IncidentState, segment: Segment, ordinal: str, undone: str) -> Command:
    assert task.compensation is not None
    arguments = {name: argument.value for name, argument in task.compensation.arguments.items()}
    # The plan's own deadline may be what has just passed.
    deadline = max(plan.deadline, segment.now + segment.pack.manifest.recovery.within)
    return _command(plan, state, segment, ordinal, task.compensation.tool, arguments, task.timeout_s, undone, deadline)
