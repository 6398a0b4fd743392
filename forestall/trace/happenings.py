"""An event of the journal as one line for a person: what happened, in a word and a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from contracts import Event
from forestall.trace.wording import at_stake, day_of, figures, moment, money, noticed

Tone = Literal["plain", "alarm", "good", "bad", "person", "quiet"]
"""How a line is coloured on a terminal."""

ENDINGS: Mapping[str, str] = {
    "resolved": "resolved",
    "recovered_alone": "recovered",
    "observed": "observed",
    "escalated": "handed over",
    "denied": "denied",
    "closed_by_person": "closed",
}
"""What an incident's status is called where it ends."""


@dataclass(frozen=True, slots=True)
class Happening:
    """`kind` is the event's type (a decision's node) to choose by, `at` in microseconds.

    `worker` is the process that wrote it, where that is known; nobody's is what a person said.
    """

    kind: str
    at: int
    incident: str | None
    word: str
    text: str
    tone: Tone = "plain"
    worker: str | None = None


_Told = tuple[str, str, Tone]
_WITH_COMMAND = ("approval.requested", "incident.unsettled")


def happening(
    event: Event, issued: Mapping[str, Mapping[str, Any]] = MappingProxyType({}), option: str = ""
) -> Happening | None:
    """The line for an event, or None for one that says nothing new to a person.

    `issued` holds the arguments of commands by id: a result does not repeat them. `option` stands behind a command
    that the line names: it says which home is meant.
    """
    kind = event.type.removeprefix("forestall.")
    if kind == "decision.made":
        kind = f"decision.{event.data['node']}"
    teller = _TELLERS.get(kind)
    if kind == "command.succeeded":
        told: _Told | None = _succeeded(event.data, issued.get(event.data["command_id"], {}))
    else:
        told = teller(event.data) if teller else None
    if told is None:
        return None
    word, text, tone = told
    if kind in _WITH_COMMAND:
        text += option
    return Happening(kind, _at(event), event.correlation_id, word, text, tone)


def _at(event: Event) -> int:
    """When it was written; a recovery is noted some panes after it happened."""
    recovered = event.data.get("status") in ("resolved", "recovered_alone")
    closed_at: int | None = event.data.get("closed_at") if recovered else None
    return event.time if closed_at is None else closed_at


def _signal(data: Mapping[str, Any]) -> _Told | None:
    what = noticed(data)
    words: dict[str, _Told] = {
        "opened": ("noticed", what, "alarm"),
        "joined": ("noticed", f"{what}; part of the same incident", "quiet"),
        "suppressed": ("noticed", f"{what}; the echo of an incident that has just ended", "quiet"),
        "noted": ("noted", what, "quiet"),
    }
    return words.get(data["how"])


def _explained(data: Mapping[str, Any]) -> _Told:
    found = data["explanation"]
    if found["verdict"] == "attributed":
        return "explained", found["summary"], "plain"
    return "looking", unprefixed(found["summary"], found["verdict"]), "quiet"


def unprefixed(summary: str, verdict: str) -> str:
    """A summary without the verdict in front of it."""
    while summary.startswith(f"{verdict}: "):
        summary = summary.removeprefix(f"{verdict}: ")
    return summary


def _recalled(data: Mapping[str, Any]) -> _Told:
    fits = [match for match in data["alternatives"] if match.get("applicable")]
    if not fits:
        return "recalled", "no runbook fits: this is new", "plain"
    return "recalled", f"runbook {fits[0]['template']} fits; {track(fits[0]['record'])}", "plain"


def track(record: Mapping[str, Any]) -> str:
    """A template's track record in words."""
    trials = record["successes"] + record["failures"]
    return f"it worked {record['successes']} of {trials} times" if trials else "it was never tried"


def _planned(data: Mapping[str, Any]) -> _Told:
    steps = " → ".join(task["tool"] for task in data["plan"]["tasks"])
    source = "a model's plan" if data["lane"] == "deliberate" else data["template"]
    stake = at_stake(data["value_at_stake"])
    return "planned", f"{source}: {steps}" + (f"; {stake}" if stake else ""), "plain"


def _refused_plan(data: Mapping[str, Any]) -> _Told | None:
    return ("no plan", data["summary"], "bad") if "refused" in data["semantic"] else None


def _gated(data: Mapping[str, Any]) -> _Told:
    said = {
        "alone": "may act alone",
        "ask": "asks a person",
        "never": "this is for a person",
        "observe": "only observes",
    }
    return "gate", f"{said[data['ruling']]}: {'; '.join(data['reasons'])}", "plain"


def _asked(data: Mapping[str, Any]) -> _Told:
    text = f"approve or deny until {moment(data['expires_at'])}: forestall approve {data['incident_id']}"
    return "needs you", text, "alarm"


def _reflex(data: Mapping[str, Any]) -> _Told | None:
    ruling = data["semantic"]["ruling"]
    tone: Tone = "bad" if ruling == "refused" else "plain"
    return "reflex", data["summary"], tone


def _answered(data: Mapping[str, Any]) -> _Told:
    note = f": {data['note']}" if data["note"] else ""
    return data["verdict"], f"by {data['person']}{note}", "person" if data["verdict"] == "approved" else "bad"


def _issued(data: Mapping[str, Any]) -> _Told:
    arguments = ", ".join(f"{name}={value}" for name, value in data["arguments"].items())
    return ("undoes" if data["compensates"] else "does"), f"{data['tool']}({arguments})", "quiet"


def _succeeded(data: Mapping[str, Any], arguments: Mapping[str, Any]) -> _Told:
    told = figures(data["result"], arguments)
    return "done", data["tool"] + (f": {told}" if told else ""), "good"


def _not_done(word: str) -> Callable[[Mapping[str, Any]], _Told]:
    return lambda data: (word, f"{data['tool']}: {data['error']}", "bad")


def _settled(data: Mapping[str, Any]) -> _Told:
    return "settled", f"{data['tool']}: {data['status']}, says {data['person']}", "person"


def _unsettled(data: Mapping[str, Any]) -> _Told:
    return "needs you", f"{data['reason']}; forestall settle {data['unsettled']} succeeded|failed", "alarm"


def _closed(data: Mapping[str, Any]) -> _Told | None:
    if data["status"] == "denied":
        return None  # the person's answer was told
    good = data["status"] in ("resolved", "recovered_alone", "observed")
    return ENDINGS.get(data["status"], data["status"]), data["reason"] + tools_of(data), "good" if good else "bad"


def tools_of(closed: Mapping[str, Any]) -> str:
    """The tools that a person who gets the incident could apply, as the end of a sentence; empty where none are."""
    tools = closed.get("could_apply") if closed.get("status") == "escalated" else None
    return f"; tools that could apply: {', '.join(tools)}" if tools else ""


def _granted(data: Mapping[str, Any]) -> _Told:
    until = day_of(data["expires_at"])
    text = f"by {data['granted_by']}: {data['template']} may act alone up to {money(data['value_ceiling'])}"
    return "granted", f"{text} until {until}", "person"


def _revoked(data: Mapping[str, Any]) -> _Told:
    return "revoked", f"by {data['revoked_by']}: {data['template']} may not act alone any more", "person"


def _seen(data: Mapping[str, Any]) -> _Told:
    number = data["dead_letters"]
    note = f": {data['note']}" if data["note"] else ""
    return "seen", f"{number:,} dead letter{'' if number == 1 else 's'} by {data['person']}{note}", "person"


_TELLERS: Mapping[str, Callable[[Mapping[str, Any]], _Told | None]] = {
    "signal.raised": _signal,
    "incident.explained": _explained,
    "decision.recall": _recalled,
    "decision.plan": _refused_plan,
    "decision.reflex": _reflex,
    "incident.planned": _planned,
    "incident.gated": _gated,
    "approval.requested": _asked,
    "approval.granted": _answered,
    "approval.denied": _answered,
    "command.issued": _issued,
    "command.failed": _not_done("failed"),
    "command.refused": _not_done("refused"),
    "command.unknown": _not_done("unknown"),
    "command.settled": _settled,
    "incident.unsettled": _unsettled,
    "incident.closed": _closed,
    "incident.closed_by_person": _closed,
    "standing_approval.granted": _granted,
    "standing_approval.revoked": _revoked,
    "acknowledgement.made": _seen,
    "effect.frozen": lambda data: ("frozen", f"by {data['person']}: {data['reason']}", "bad"),
    "effect.thawed": lambda data: ("thawed", f"by {data['person']}", "person"),
    "mode.changed": lambda data: ("mode", f"{data['pack']} may {data['mode']}, set by {data['person']}", "person"),
}
