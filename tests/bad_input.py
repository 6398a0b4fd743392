"""What is wrong with messages, one kind each, for a stream of CloudEvents and for one with a mapping."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from forestall.brokers import open_broker
from forestall.settings import load_settings
from triggers.brokers import Message, Outgoing
from triggers.clock import WallClock

TOO_LARGE = "z" * 1_000_001
TOPIC = "shop.orders"
MAPPED = """\
pack: orders
title: Orders
streams:
  - topic: shop.orders
    mapping:
      type: order.placed
      id: "{order}"
      time: at
      fields:
        order: order
        depot: depot
        amount: {from: amount, type: number}
measures:
  - {name: placed, title: Orders, of: [order.placed], aggregate: count, pane: 15m, dimensions: [depot]}
detectors:
  - {name: placed_up, measure: placed, kind: count, direction: up}
"""
PLAIN = MAPPED.split("    mapping:", maxsplit=1)[0] + (
    """\
    types:
      - type: order.placed
        data:
          type: object
          required: [order, depot]
          properties: {order: {type: string}, depot: {type: string}, amount: {type: number}}
measures:"""
    + MAPPED.split("measures:", maxsplit=1)[1]
)
Poison = tuple[str, bytes]
"""The code of its dead letter, and the message."""


def instant(number: int) -> str:
    """A second after the one before."""
    return f"2026-03-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"


def row(number: int, **changed: Any) -> dict[str, Any]:
    return {"order": f"o{number}", "depot": "NS"[number % 2], "amount": 1.5, "at": instant(number), **changed}


def event(number: int, data: Any = None, **changed: Any) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": f"o{number}", "source": "/shop", "type": "order.placed"}
    return {**told, "time": instant(number), "data": row(number) if data is None else data, **changed}


def good(number: int, *, mapped: bool) -> bytes:
    return json.dumps(row(number) if mapped else event(number)).encode()


def poison(number: int, *, mapped: bool) -> Iterator[Poison]:
    """Every kind, behind the good message of this number."""
    yield "malformed", b"\x00\xff no text"
    yield "malformed", b'{"order": '
    yield "malformed", b""
    yield "malformed", b"[" * 20_000
    for code, document in (_rows if mapped else _events)(number, f"x{number}"):
        yield code, json.dumps(document).encode()


def _rows(number: int, own: str) -> Iterator[tuple[str, Any]]:
    yield "mapping", [1, 2]
    yield "mapping", {"order": own}
    yield "mapping", row(number, order=own, amount="much")
    yield "mapping", row(number, order={"a": 1})
    yield "mapping", row(number, order=own, at="yesterday")
    yield "mapping", row(number, order=own, at="2026-03-01T01:00:00")
    yield "mapping", row(number, order=f"{own}\x01")
    yield "future", row(number, order=own, at="2931-01-01T00:00:00Z")
    yield "id_reused", row(number, depot="elsewhere")
    yield "too_large", row(number, order=own, note=TOO_LARGE)


def _events(number: int, own: str) -> Iterator[tuple[str, Any]]:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    yield "malformed", "text"
    yield "malformed", event(number, id=own, data=deep)
    yield "malformed", event(number, id=f"{own}\x01")
    yield "malformed", event(number, id="")
    yield "malformed", event(number, id=own, time="2026-03-01T01:00:00")
    yield "unknown_type", event(number, id=own, type="order.came")
    yield "schema", event(number, id=own, data={"order": own, "depot": 3})
    yield "schema", event(number, id=own, data={"order": own})
    yield "future", event(number, id=own, time="2931-01-01T00:00:00Z")
    yield "id_reused", event(number, row(number, depot="elsewhere"))
    yield "too_large", event(number, id=own, note=TOO_LARGE)


def publish(home: Path, topic: str, payloads: Sequence[bytes]) -> None:
    """As they are, to the broker that the environment means, beside a subscription that keeps them."""

    home.mkdir(parents=True, exist_ok=True)

    async def go() -> None:
        broker = await open_broker(load_settings(home=home), WallClock())
        await broker.ensure_subscription(topic, "others")
        for first in range(0, len(payloads), 1_000):
            await broker.publish(topic, [Outgoing(payload) for payload in payloads[first : first + 1_000]])
        await broker.close()

    asyncio.run(go())


def dead_on_topic(home: Path) -> list[Message]:
    """What lies on the topic of dead letters."""

    async def go() -> list[Message]:
        broker = await open_broker(load_settings(home=home), WallClock())
        found: list[Message] = []
        for partition in range(await broker.partitions("forestall.dead_letters")):
            reader = await broker.history("forestall.dead_letters", partition)
            while messages := await reader.read(1_000):
                found += messages
            await reader.close()
        await broker.close()
        return found

    return asyncio.run(go())


def counted(poisons: Sequence[Poison]) -> dict[str, int]:
    return dict(Counter(code for code, _ in poisons))
