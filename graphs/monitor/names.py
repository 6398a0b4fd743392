"""What a stream's partitions, subscription and leases are called."""


def subscription_name(pack: str, stream: str) -> str:
    """The subscription under which a pack reads a stream, and its identity in the inbox."""
    return f"forestall.{pack}:{stream}"


def part_name(topic: str, partition: int) -> str:
    """A partition's name in the ledger."""
    return f"{topic}#{partition}"


def partition_lease(subscription: str, part: str) -> str:
    """Whoever holds it counts that partition."""
    return f"partition:{subscription}#{part}"


def combiner_lease(subscription: str) -> str:
    """Whoever holds it closes the stream's panes."""
    return f"combiner:{subscription}"
