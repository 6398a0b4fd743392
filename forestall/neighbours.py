"""Other homes on our subscriptions: noted by the service that sees them, and told without asking the broker."""

from ledger import Transaction

NOTE = "strangers:"
ADVICE = (
    "stop one of them; to watch the same topics twice, copy the pack and give the copy another name (pack: in its"
    " pack.yaml)"
)


def note_strangers(tx: Transaction, pack: str, stream: str, strangers: tuple[str, ...]) -> None:
    """Keep who else reads a stream's subscription now."""
    from graphs import subscription_name  # heavy, and no question needs it

    tx.docs.set_switch(NOTE + subscription_name(pack, stream), list(strangers) or None)


def strangers_of(tx: Transaction, subscription: str) -> list[str]:
    """Who else read the subscription when a service of this home looked last."""
    return list(tx.docs.switch(NOTE + subscription) or [])


def shared_with_strangers(tx: Transaction, now: int) -> list[dict[str, str]]:
    """What a person is to see to, while a service of this home watches the stream."""
    leases = [each.name for each in tx.leases.all() if each.until >= now]
    found = [name.removeprefix(NOTE) for name in sorted(tx.docs.switches()) if name.startswith(NOTE)]
    return [
        {"what": told(name, strangers_of(tx, name)), "do": ADVICE}
        for name in found
        if any(lease.startswith(f"partition:{name}#") for lease in leases)
    ]


def told(subscription: str, strangers: list[str]) -> str:
    """In words."""
    names = ", ".join(strangers)
    return f"another home ({names}) reads the subscription {subscription}, too: each event goes to one of you only"
