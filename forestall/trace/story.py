"""An incident's story, rebuilt from its events in the journal and from nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from contracts import Decision, Event, decision_digest, decision_order, to_iso

Phase = Literal["noticed", "explained", "recalled", "planned", "gated", "person", "commands", "outcome", "ended"]
PHASES: tuple[Phase, ...] = (
    "noticed",
    "explained",
    "recalled",
    "planned",
    "gated",
    "person",
    "commands",
    "outcome",
    "ended",
)
_PHASE_OF: Mapping[str, Phase] = {
    "detect": "noticed",
    "open": "noticed",
    "explain": "explained",
    "recall": "recalled",
    "plan": "planned",
    "gate": "gated",
    "reflex": "ended",
    "answer": "person",
    "answered": "person",
    "unanswered": "person",
    "settle": "person",
    "close": "person",
    "dispatch": "commands",
    "authorise": "commands",
    "record": "commands",
    "outcome": "outcome",
    "conclude": "ended",
}
DECISION = "forestall.decision.made"
ISSUED = "forestall.command.issued"
OUTCOMES = tuple(f"forestall.command.{status}" for status in ("succeeded", "failed", "refused", "unknown", "settled"))
REQUESTED = "forestall.approval.requested"


@dataclass(frozen=True, slots=True)
class CommandStory:
    """One command from its issue to its outcome; None where there is none yet. `topic`: somebody else runs it."""

    id: str
    ordinal: str
    tool: str
    arguments: Mapping[str, Any]
    authority: str
    compensates: str | None
    issued_at: int
    status: str | None
    done_at: int | None
    result: Mapping[str, Any]
    error: str | None
    topic: str | None = None

    def to_json(self) -> dict[str, Any]:
        done = to_iso(self.done_at) if self.done_at is not None else None
        return {
            "id": self.id,
            "ordinal": self.ordinal,
            "tool": self.tool,
            "arguments": dict(self.arguments),
            "authority": self.authority,
            "compensates": self.compensates,
            "issued_at": to_iso(self.issued_at),
            "done_at": done,
            "status": self.status,
            "result": dict(self.result),
            "error": self.error,
            "topic": self.topic,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """`view` is the incident as its events made it, `digest` that of its own decisions; instants in microseconds."""

    incident: str
    view: Mapping[str, Any]
    decisions: tuple[Decision, ...]
    commands: tuple[CommandStory, ...]
    requests: tuple[Mapping[str, Any], ...]
    digest: str
    events: int

    @property
    def reflex(self) -> bool:
        """Whether it is a reflex's: an event that was acted on at once, without an incident."""
        return any(each.graph == "reflex" for each in self.decisions)

    def of(self, phase: Phase) -> list[Decision]:
        """The decisions of a phase, in step order."""
        return [decision for decision in self.decisions if phase_of(decision) == phase]

    def to_json(self) -> dict[str, Any]:
        """The same as data; instants are RFC 3339."""
        return {
            "incident": self.incident,
            "status": self.view.get("status", "open"),
            "pack": self.view.get("pack"),
            "opened_at": _iso(self.view.get("opened_at")),
            "closed_at": _iso(self.view.get("closed_at")),
            "reason": self.view.get("reason"),
            "digest": self.digest,
            "steps": [
                {"phase": phase_of(decision), "at": to_iso(decision.at)}
                | {name: value for name, value in decision.to_json().items() if name not in ("incident_id", "at")}
                for decision in self.decisions
            ],
            "requests": [dict(request) for request in self.requests],
            "commands": [command.to_json() for command in self.commands],
            "events": self.events,
        }


def phase_of(decision: Decision) -> Phase:
    """Where in the story a decision belongs."""
    return _PHASE_OF.get(decision.node, "outcome")


def story_of(incident: str, events: Iterable[Event]) -> Story:
    """The story that an incident's events tell, in the order of writing."""
    view: dict[str, Any] = {}
    decisions: list[Decision] = []
    commands: dict[str, CommandStory] = {}
    requests: list[Mapping[str, Any]] = []
    kept = list(events)
    for event in kept:
        if event.type == DECISION:
            decisions.append(Decision.model_validate(event.data))
        elif event.type.startswith("forestall.incident."):
            view.update(event.data)
        elif event.type == ISSUED:
            commands[event.data["id"]] = _issued(event)
        elif event.type in OUTCOMES and event.data["command_id"] in commands:
            commands[event.data["command_id"]] = _done(commands[event.data["command_id"]], event)
        elif event.type == REQUESTED:
            requests.append(event.data)
    return Story(
        incident=incident,
        view=view or _reflex_view(decisions),
        decisions=tuple(sorted(decisions, key=decision_order)),
        commands=tuple(commands.values()),
        requests=tuple(requests),
        digest=decision_digest(decisions),
        events=len(kept),
    )


def _issued(event: Event) -> CommandStory:
    kept = {name: event.data[name] for name in ("id", "ordinal", "tool", "arguments", "authority", "compensates")}
    topic = event.data.get("topic")
    return CommandStory(**kept, issued_at=event.time, status=None, done_at=None, result={}, error=None, topic=topic)


def _done(command: CommandStory, event: Event) -> CommandStory:
    outcome = {name: event.data[name] for name in ("status", "result", "error")}
    return replace(command, done_at=event.time, **outcome)


def _iso(micros: int | None) -> str | None:
    return None if micros is None else to_iso(micros)


def _reflex_view(decisions: Iterable[Decision]) -> dict[str, Any]:
    """A reflex has no incident: what it came to is its decision."""
    for each in decisions:
        if each.graph == "reflex":
            ended = {"act": "acted", "observe": "observed"}.get(each.semantic["ruling"], "refused")
            return {"pack": each.semantic["pack"], "status": ended, "opened_at": each.at, "closed_at": each.at}
    return {}
