"""Events of the retail stream's shape: 346 bytes on the wire, one in fifty an order that is cancelled."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from contracts import SECOND, Event, encode_event
from forestall.packs import Pack, load_pack

START = 1_291_192_000 * SECOND
SECONDS_BETWEEN = 1
_random = random.Random(7)
WAREHOUSES, CARRIERS = ("leeds", "derby", "truro"), ("royal", "quick")


def payloads(count: int, *, first: int = 0, random_ids: bool = False) -> Iterator[bytes]:
    """In the order of event time. Ids are row numbers, or 128 random bits."""
    for number in range(first, first + count):
        id = f"{_random.getrandbits(128):032x}" if random_ids else f"row-{number}"
        data = {
            "order_id": str(536_365 + number // 3),
            "warehouse": WAREHOUSES[number % 3],
            "carrier": CARRIERS[number % 2],
            "country": "United Kingdom",
            "article": f"{10_000 + number % 3_000}A",
            "quantity": number % 12,
            "unit_price": "2.55",
        }
        kind = "order.cancelled" if number % 50 == 0 else "order.placed"
        time = START + number * SECONDS_BETWEEN * SECOND
        yield encode_event(Event(id=id, source="/retail", type=kind, time=time, data=data, key=str(data["order_id"])))


def retail(topic: str, name: str = "retail") -> Pack:
    """The retail pack on another topic and under another name, so that runs do not share a subscription."""
    pack = load_pack(Path(__file__).parents[1] / "scenarios" / "retail")
    stream = pack.manifest.streams[0].model_copy(update={"topic": topic})
    return replace(pack, manifest=pack.manifest.model_copy(update={"pack": name, "streams": (stream,)}))
