"""What a backtest comes to. Instants are microseconds of event time; `to_json` writes them as RFC 3339."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts import DAY, Json, Signal, to_iso

Kind = Literal["single", "pair", "broad", "none"]
"""What an explanation names: one attribute, two together, none that declared attributes could name, or nothing yet."""
May = Literal["alone", "approve", "never"]
Ruling = Literal["alone", "approve", "never", "person"]
"""What would become of a plan; `person`: there was none that could be made, so it is handed over."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation at the end; `share` is the part of the excess that the first cause explains."""

    kind: Kind
    verdict: str
    text: str
    causes: tuple[Json, ...]
    share: float | None

    @property
    def cause(self) -> dict[str, str]:
        """The first cause's attributes by dimension; empty where none is named."""
        return {each["dimension"]: each["value"] for cause in self.causes[:1] for each in cause["attributes"]}

    def to_json(self) -> dict[str, Any]:
        return {
            "explanation": self.text,
            "kind": self.kind,
            "verdict": self.verdict,
            "cause": self.cause,
            "share": self.share,
            "causes": list(self.causes),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A task of a plan, and what the pack's table says about its tool at this value."""

    tool: str
    arguments: Mapping[str, Any]
    may: May

    def to_json(self) -> dict[str, Any]:
        return {"tool": self.tool, "arguments": dict(self.arguments), "may": self.may}


@dataclass(frozen=True, slots=True)
class WouldDo:
    """What a pack that acts would have done, with nobody there and no standing approval."""

    ruling: Ruling
    template: str | None
    steps: tuple[Step, ...]
    value_at_stake: str | None
    currency: str
    reasons: tuple[str, ...]

    @property
    def approvals(self) -> int:
        """Requests for approval."""
        return int(self.ruling == "approve")

    def to_json(self) -> dict[str, Any]:
        return {
            "ruling": self.ruling,
            "template": self.template,
            "tasks": [step.to_json() for step in self.steps],
            "value_at_stake": self.value_at_stake,
            "currency": self.currency,
            "reasons": list(self.reasons),
            "approvals": self.approvals,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """A signal, and what became of it: it opened or joined `incident`, was suppressed, or only noted."""

    signal: Signal
    how: str
    incident: str | None

    def to_json(self) -> dict[str, Any]:
        return signal_json(self.signal) | {"how": self.how, "incident": self.incident}


@dataclass(frozen=True, slots=True)
class Incident:
    """`recovered_at` is when the measure was back, None where it was not by the end of the history."""

    id: str
    opened_at: int
    closed_at: int | None
    recovered_at: int | None
    status: str
    reason: str | None
    signal: Signal
    explained: Explained
    would_do: WouldDo | None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "opened_at": to_iso(self.opened_at),
            "closed_at": _iso(self.closed_at),
            "recovered_at": _iso(self.recovered_at),
            "status": self.status,
            "reason": self.reason,
            "signal": signal_json(self.signal),
            **self.explained.to_json(),
            "would_do": None if self.would_do is None else self.would_do.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Track:
    """One series as one detector judged it, pane by pane; the lists are of equal length.

    `states` holds a letter a pane: `l`earning, `n`ormal, `a`nomalous. `missed` panes could not be recorded.
    """

    measure: str
    title: str
    detector: str
    kind: str
    key: str
    pane: int
    starts: list[int]
    values: list[float | None]
    expected: list[float]
    spreads: list[float]
    states: str
    missed: int

    def to_json(self) -> dict[str, Any]:
        """A summary; the page has the panes."""
        counted = {name: self.states.count(name[0]) for name in ("learning", "normal", "anomalous")}
        named = {"measure": self.measure, "detector": self.detector, "key": self.key}
        return {**named, "panes": len(self.starts), **counted, "missed": self.missed}


@dataclass(frozen=True, slots=True)
class BadInput:
    """A row of a file that made no event: `column` and `value` where one of them is to blame."""

    line: int
    column: str | None
    value: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "column": self.column, "value": self.value, "reason": self.reason}

    def __str__(self) -> str:
        where = f"line {self.line}" + ("" if self.column is None else f", column {self.column}")
        return f"{where}{'' if self.value is None else f' = {self.value}'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read. `bad` holds the first of the `left_out`; `outside` lay before --since or from --until on."""

    read: int = 0
    left_out: int = 0
    outside: int = 0
    bad: tuple[BadInput, ...] = ()

    def to_json(self) -> dict[str, Any]:
        bad = [each.to_json() for each in self.bad]
        return {"read": self.read, "left_out": self.left_out, "outside_span": self.outside, "bad": bad}


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """How many of each code, and the first few reasons."""

    counts: Mapping[str, int]
    reasons: Mapping[str, tuple[str, ...]]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def to_json(self) -> dict[str, Any]:
        codes = {
            code: {"count": number, "reasons": list(self.reasons.get(code, ()))} for code, number in self.counts.items()
        }
        return {"total": self.total, "codes": codes}


@dataclass(frozen=True, slots=True)
class Backtest:
    """`begin` and `end` are the first and the last event time; `wall_s` is real time, all else follows from the input.

    `tracks_left_out` series were not recorded, because there are more keys than are kept.
    """

    pack: str
    title: str
    pack_digest: str
    source: str
    begin: int
    end: int
    rows: Rows
    counts: Mapping[str, int]
    dead_letters: DeadLetters
    incidents: tuple[Incident, ...]
    signals: tuple[Told, ...]
    tracks: tuple[Track, ...]
    tracks_left_out: int
    wall_s: float

    @property
    def weeks(self) -> float:
        return (self.end - self.begin) / (7 * DAY)

    @property
    def per_week(self) -> float | None:
        """Incidents a week; None where the span is shorter than a day, from which no rate follows."""
        return len(self.incidents) / self.weeks if self.end - self.begin >= DAY else None

    @property
    def approvals(self) -> int:
        return sum(each.would_do.approvals for each in self.incidents if each.would_do)

    @property
    def taken(self) -> int:
        """Events that were counted."""
        return self.counts.get("events", 0)

    def to_json(self) -> dict[str, Any]:
        """The documented shape (docs/design/backtest.md); equal input, equal JSON, but for `wall`."""
        rate = None if self.per_week is None else round(self.per_week, 3)
        return {
            "pack": {"name": self.pack, "title": self.title, "digest": self.pack_digest},
            "source": self.source,
            "span": {
                "from": to_iso(self.begin),
                "until": to_iso(self.end),
                "days": round((self.end - self.begin) / DAY, 3),
            },
            "rows": self.rows.to_json(),
            "counts": {**self.counts, "incidents": len(self.incidents), "approvals": self.approvals},
            "incidents_per_week": rate,
            "dead_letters": self.dead_letters.to_json(),
            "incidents": [each.to_json() for each in self.incidents],
            "signals": [each.to_json() for each in self.signals],
            "series": [each.to_json() for each in self.tracks],
            "series_left_out": self.tracks_left_out,
            "wall": {
                "seconds": round(self.wall_s, 3),
                "events_per_second": round(self.taken / self.wall_s) if self.wall_s else None,
            },
        }


def signal_json(signal: Signal) -> dict[str, Any]:
    """A signal for a reader: instants as RFC 3339, without what only the ledger needs."""
    data = signal.to_json()
    for name in ("tenant", "pack", "evidence"):
        data.pop(name, None)
    return data | {"onset": to_iso(signal.onset), "noticed_at": to_iso(signal.noticed_at)}


def _iso(micros: int | None) -> str | None:
    return None if micros is None else to_iso(micros)
