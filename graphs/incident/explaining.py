"""From a signal to an explanation."""

from agents.explanation import explain as explained
from agents.monitoring import Watch
from contracts import Evidence, Explanation, Signal, Situation, to_iso
from graphs.incident.state import IncidentState, Update
from graphs.segment import Segment

LOOKS = 8
"""While nothing is attributed, the evidence is looked at again after each of so many further panes."""


async def open_incident(state: IncidentState, segment: Segment) -> Update:
    """The first signal: note the incident, watch its measure, ask for further looks at the evidence."""
    signal = Signal.model_validate(state["mail"]["signal"])
    manifest = segment.pack.manifest
    pane = next(measure.pane for measure in manifest.measures if measure.name == signal.measure)
    looks = tuple(signal.noticed_at + pane * number for number in range(1, LOOKS + 1))
    watch = Watch(since=signal.noticed_at, panes=manifest.recovery.panes, looks=looks)
    segment.watch(signal.to_json(), watch)
    segment.timers["looks"] = segment.now + (LOOKS + 1) * pane + manifest.autonomy.max_lag
    summary = f"{signal.pattern} of {signal.measure}: {signal.observed:g} where {signal.expected:.3g} were expected"
    segment.note(
        "opened",
        {
            "status": "open",
            "tenant": segment.run.tenant,
            "pack": segment.run.pack,
            "key": segment.run.key,
            "onset": signal.onset,
            "opened_at": signal.noticed_at,
            "signal": signal.to_json(),
            "summary": summary,
        },
    )
    segment.decide("open", summary, {"signal": signal.id, "onset": signal.onset, "noticed_at": signal.noticed_at})
    return {
        "signal": signal.to_json(),
        "evidence": signal.evidence,
        "commands": {},
        "phase": "explaining",
        "next": "explain",
    }


async def explain(state: IncidentState, segment: Segment) -> Update:
    """What is different about the units in the window? Looks again later when that cannot be said yet."""
    mail = state["mail"]
    if mail["kind"] == "look":
        evidence = mail["evidence"] or state["evidence"]
        last = mail["at"] >= state["signal"]["noticed_at"] + LOOKS * _pane(state, segment)
    else:
        evidence, last = state["evidence"], mail["kind"] == "timer"
    found = await _explanation(evidence, segment)
    known = {"evidence": evidence} if evidence else {}
    segment.decide("explain", found.summary, {"explanation": found.to_json()}, known=known)
    if found.verdict != "attributed" and not last and evidence is not None:
        segment.note("explained", {"explanation": found.to_json()})
        return {"evidence": evidence, "explanation": found.to_json(), "next": "wait"}
    segment.note("explained", {"explanation": found.to_json()})
    segment.timers["looks"] = None
    situation = _situation(Signal.model_validate(state["signal"]), found)
    return {
        "evidence": evidence,
        "explanation": found.to_json(),
        "situation": situation.to_json(),
        "next": "recall",
    }


async def _explanation(evidence: str | None, segment: Segment) -> Explanation:
    if evidence is None:
        text = "insufficient: the measure declares no dimensions"
        return Explanation(verdict="insufficient", excess=0.0, tested=0, summary=text)
    blob = await segment.services.ledger.read(lambda tx: tx.docs.blob(evidence))
    return explained(Evidence.model_validate(blob))


def _pane(state: IncidentState, segment: Segment) -> int:
    name = state["signal"]["measure"]
    return next(measure.pane for measure in segment.pack.manifest.measures if measure.name == name)


def _situation(signal: Signal, found: Explanation) -> Situation:
    attributes = {each.dimension: each.value for cause in found.causes[:1] for each in cause.attributes}
    text = f"{signal.pattern} of {signal.measure} ({signal.detector}) since {to_iso(signal.onset)}; {found.summary}"
    return Situation(
        pack=signal.pack,
        detector=signal.detector,
        measure=signal.measure,
        key=signal.key,
        pattern=signal.pattern,
        severity=signal.score,
        verdict=found.verdict,
        attributes=attributes,
        text=text,
    )
