"""Into a person's hands, or, where a pack only observes, saying so."""

from governance import mode_of
from graphs.incident.state import Update
from graphs.segment import Segment


async def hand_over(reason: str, segment: Segment) -> Update:
    """End as escalated; in observe the incident goes on being watched, and nobody is troubled."""
    manifest = segment.pack.manifest
    mode = await segment.services.ledger.read(lambda tx: mode_of(tx, manifest.pack, manifest.mode))
    if mode == "act":
        return {"ending": {"status": "escalated", "credit": "none", "reason": reason}, "next": "conclude"}
    said = f"would hand it to a person: {reason}"
    segment.decide("observe", said, {"would": "escalate", "reason": reason})
    segment.note("observed", {"ruling": "observe", "reason": said})
    return {"ruling": "observe", "phase": "observing", "next": "wait"}
