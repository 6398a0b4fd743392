"""Whose consumers are on a subscription, and what it has put behind it: read from the broker's statistics."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from triggers.brokers.errors import AskOperator
from triggers.brokers.protocol import Usage
from triggers.brokers.pulsar.rest import Rest
from triggers.brokers.pulsar.topics import Topic

LEDGER, HOME = "forestall.ledger", "forestall.home"
"""A consumer's properties: the id of the ledger that its process writes, and that ledger's home in words."""


class _Consumer(msgspec.Struct, rename="camel"):
    consumer_name: str | None = None
    metadata: dict[str, str] | None = None


class _Subscription(msgspec.Struct):
    consumers: list[_Consumer] = []


class _Stats(msgspec.Struct):
    subscriptions: dict[str, _Subscription] = {}


class _Partitioned(msgspec.Struct):
    partitions: dict[str, Any] = {}


class _Cursor(msgspec.Struct, rename="camel"):
    mark_delete_position: str = "-1:-1"


class _Segment(msgspec.Struct, rename="camel"):
    ledger_id: int
    entries: int = 0


class _Storage(msgspec.Struct):
    cursors: dict[str, _Cursor] = {}
    ledgers: list[_Segment] = []


def mark_of(ledger: str | None, home: str) -> dict[str, str]:
    """What our consumers say of themselves."""
    return {} if ledger is None else {LEDGER: ledger, HOME: home}


async def usage(
    rest: Rest, topic: Topic, subscription: str, mark: Mapping[str, str], *, whole: bool, handled: bool
) -> Usage:
    """`whole`: a topic without partitions. `mark`: what our own consumers say; without one nobody is a stranger.

    Raises:
        AskOperator, RetryLater: the statistics cannot be read.
    """
    try:
        stats = await _asked(rest, topic, "stats", whole)
        storage = await _asked(rest, topic, "internalStats", whole) if handled else []
        found = [_strangers(each, subscription, mark[LEDGER]) for each in stats] if LEDGER in mark else []
        return Usage(tuple(sorted(set().union(*found))), sum(_handled(each, subscription) for each in storage))
    except ValueError as error:  # a msgspec.ValidationError is one
        raise AskOperator(f"topic {topic.name!r}: its statistics are none that we know: {error}") from error


async def _asked(rest: Rest, topic: Topic, kind: str, whole: bool) -> list[Any]:
    """Of the topic, or of each partition; of one that is not there, none."""
    path = f"{topic.path}/{kind}" if whole else f"{topic.path}/partitioned-{kind}"
    found: Any = await rest.get(f"{path}?perPartition=true", f"topic {topic.name!r}: who reads it")
    if found is None or whole:
        return [] if found is None else [found]
    return list(msgspec.convert(found, _Partitioned).partitions.values())


def _strangers(stats: Any, subscription: str, ledger: str) -> set[str]:
    """Who reads it for another ledger. A consumer that does not say for which is nobody's."""
    found = msgspec.convert(stats, _Stats).subscriptions.get(subscription, _Subscription())
    told = [(each.consumer_name or "a process", each.metadata or {}) for each in found.consumers]
    return {
        f"{name} of {properties[HOME]}" if properties.get(HOME) else name
        for name, properties in told
        if properties.get(LEDGER, ledger) != ledger
    }


def _handled(storage: Any, subscription: str) -> int:
    """How many entries that are still there lie before the place where the subscription stands; 0 without one."""
    found = msgspec.convert(storage, _Storage)
    cursor = found.cursors.get(quote(subscription, safe="")) or found.cursors.get(subscription)
    if cursor is None:
        return 0
    ledger, entry = (int(part) for part in cursor.mark_delete_position.split(":")[:2])
    before = sum(each.entries for each in found.ledgers if each.ledger_id < ledger)
    return before + (entry + 1 if any(each.ledger_id == ledger for each in found.ledgers) else 0)
