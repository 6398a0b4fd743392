"""Writing our own events: into the journal, to their topics, and into the view of their incident."""

from dataclasses import dataclass

from contracts import Event
from ledger.sqlite import Transaction

WEBHOOK = "webhook"
TOPIC = "topic:"


@dataclass(frozen=True, slots=True)
class Routing:
    """Where our events are copied to: a topic a noun, and requests for approval to the webhook where there is one."""

    webhook: bool = False

    def of(self, kind: str) -> tuple[str, ...]:
        """Destinations of an event of this type: `topic:<name>` and `webhook`."""
        noun = kind.removeprefix("forestall.").split(".")[0] if kind.startswith("forestall.") else None
        topic = f"{TOPIC}forestall.{noun}s" if noun else f"{TOPIC}{kind.rsplit('.', 1)[0]}"
        if self.webhook and kind == "forestall.approval.requested":
            return (topic, WEBHOOK)
        return (topic,)


def record(tx: Transaction, routing: Routing, event: Event, also: tuple[str, ...] = ()) -> bool:
    """Append an event once; False when it was there already. `also` are destinations beside the routing's.

    The data of `forestall.incident.*` is a change to the incident's view, so the views can be rebuilt.
    """
    if tx.journal.append(event, routing.of(event.type) + also) is None:
        return False
    _fold(tx, event)
    return True


def rebuild_views(tx: Transaction) -> int:
    """Forget the views and fold the journal again; returns how many events were folded."""
    tx.incidents.forget_views()
    events = tx.journal.events(type_prefix="forestall.incident.")
    for event in events:
        _fold(tx, event)
    return len(events)


def _fold(tx: Transaction, event: Event) -> None:
    if not event.type.startswith("forestall.incident.") or event.correlation_id is None:
        return
    doc = tx.incidents.get(event.correlation_id) or {"id": event.correlation_id}
    doc.update(event.data)
    tx.incidents.put(event.correlation_id, doc.get("opened_at", event.time), doc.get("status", "open"), doc)
