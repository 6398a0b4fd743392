"""How an incident ends, who gets the credit, and what is remembered."""

from contracts import Episode, Situation, stable_id
from graphs.incident.acting import command_ids
from graphs.incident.state import IncidentState, Update
from graphs.segment import Segment


async def recovered(state: IncidentState, segment: Segment) -> Update:  # noqa: ARG001
    """The measure is back. A procedure gets credit only if it acted, changed something, and recovery came after it."""
    at = state["mail"]["at"]
    phase = state["phase"]
    if phase in ("executing", "compensating", "unsettled"):
        return {"recovered": state["mail"], "next": "wait"}
    if phase == "observing":
        return _ending("observed", "none", "recovered; the pack only observes", at)
    if phase != "verifying":
        return _ending("recovered_alone", "none", "the measure recovered by itself; nothing was done", at)
    if state["mail"]["first_normal"] < state["acted_at"]:
        return {"next": "wait"}  # of the watch before the plan acted
    changed = [command["result"].get("changed") for command in state["commands"].values()]
    if any(number == 0 for number in changed) and not any(changed):
        return _ending("resolved", "none", "the measure recovered, but the plan had changed nothing", at)
    return _ending("resolved", "success", "the measure recovered after the plan had acted", at)


async def expired(state: IncidentState, segment: Segment) -> Update:
    """The plan acted, and the measure did not recover in time, or fell silent."""
    if state["phase"] != "verifying":
        return {"next": "wait"}
    reason = "the plan was carried out, and the measure did not recover in time"
    if state["mail"]["kind"] == "timer":
        reason = "the plan was carried out, and the stream fell silent: whether it helped cannot be seen"
        return _ending("escalated", "none", reason, segment.moment)
    return _ending("escalated", "failure", reason, state["mail"]["at"])


async def closed(state: IncidentState, segment: Segment) -> Update:  # noqa: ARG001
    """A person took over and closed it."""
    mail = state["mail"]
    reason = f"closed by {mail['person']}" + (f": {mail['note']}" if mail["note"] else "")
    return _ending("closed_by_person", "none", reason, mail["at"])


def _ending(status: str, credit: str, reason: str, at: int) -> Update:
    return {"ending": {"status": status, "credit": credit, "reason": reason, "at": at}, "next": "conclude"}


async def conclude(state: IncidentState, segment: Segment) -> Update:
    """Write the end, withdraw what still waits for an answer, and remember the episode."""
    ending = state["ending"]
    closed_at = ending.get("at", segment.moment)
    if state.get("request"):
        segment.withdrawn.append(str(state["request"]))
    plan = state.get("plan") or {}
    episode = _episode(state, segment, closed_at)
    segment.decide(
        "conclude",
        f"{ending['status']}: {ending['reason']}",
        {"status": ending["status"], "credit": ending["credit"], "reason": ending["reason"], "closed_at": closed_at},
    )
    change = {
        "status": ending["status"],
        "credit": ending["credit"],
        "reason": ending["reason"],
        "closed_at": closed_at,
        "commands": command_ids(state["commands"]),
    }
    if ending["status"] in ("escalated", "denied"):
        change["could_apply"] = [tool.name for tool in segment.pack.catalogue]
    segment.note("closed", change | {"template": plan.get("template")})
    if episode is not None:
        segment.tell("episode.recorded", episode.to_json(), episode.id)
    segment.finished_at = closed_at
    return {"next": "end"}


def _episode(state: IncidentState, segment: Segment, closed_at: int) -> Episode | None:
    if "situation" not in state:
        return None
    ending, plan = state["ending"], state.get("plan") or {}
    return Episode(
        id=stable_id("epi", segment.run.thread),
        incident_id=segment.run.thread,
        tenant=segment.run.tenant,
        situation=Situation.model_validate(state["situation"]),
        template=plan.get("template"),
        lane=plan.get("lane"),
        status=ending["status"],
        credit=ending["credit"],
        opened_at=segment.run.opened_at,
        closed_at=closed_at,
        note=ending["reason"],
    )
