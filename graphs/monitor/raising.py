"""What became of a signal: its incident, its event, its decision, in the combiner's transaction."""

import logging

from agents.monitoring import RaisedSignal
from contracts import Decision, own_event
from graphs.segment import decision_event
from graphs.services import GRAPH_VERSION, PackRuntime, Services
from ledger import Transaction, record

_log = logging.getLogger("forestall.monitor")


def raise_signal(tx: Transaction, services: Services, pack: PackRuntime, tenant: str, raised: RaisedSignal) -> None:
    """Open or join an incident, where the detector may, and write down that it was so."""
    evidence = tx.docs.put_blob(raised.evidence.to_json()) if raised.evidence else None
    signal = raised.signal.model_copy(update={"evidence": evidence})
    how, incident = "noted", f"signal:{signal.id}"
    if raised.opens_incident:
        joined = tx.incidents.open_or_join(signal, pack.manifest.correlation, pack.digest, GRAPH_VERSION)
        how, incident = joined.how, joined.incident_id
    event = own_event(
        "signal.raised",
        signal.to_json() | {"how": how},
        about=(signal.id,),
        time=signal.noticed_at,
        incident=incident,
        tenant=tenant,
    )
    record(tx, services.routing, event)
    summary = (
        f"{signal.detector}: {signal.pattern}, {signal.observed:g} where {signal.expected:.3g} were expected"
        f" (score {signal.score:.1f}); {how}"
    )
    decision = Decision(
        incident_id=incident,
        graph="monitor",
        subject=signal.id,
        step=0,
        node="detect",
        summary=summary,
        semantic={"signal": signal.to_json(), "how": how},
        known={"evidence": evidence} if evidence else {},
        at=signal.noticed_at,
        worker=services.owner,
    )
    record(tx, services.routing, decision_event(decision, tenant))
    _log.info("%s", summary)
