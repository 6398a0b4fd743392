"""Reading what is mapped, filtered or enriched: a batch at once (`BatchReader.read`) and message by message.

    python -m bench.mapping [data folder]

`Screen.read`, which defines what is right, in turns with the batch reader: the two real streams as `forestall emit`
publishes them for a pack that maps the topic, a made-up one that uses every part of the language, and envelopes that
are filtered. Medians of seven rounds over the same batches; both have to accept the same events.
"""

import csv
import gc
import gzip
import itertools
import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.machine import describe, fsync_micros
from bench.monitor import folder
from bench.stream import payloads
from contracts import SECOND, DetectorSpec, Measure, PackManifest, StreamSpec
from forestall.packs import load_mapping
from graphs.reading import BatchReader
from graphs.screening import Accepted, Screen
from triggers.brokers.segments import StoredMessage
from triggers.partition import Batch

ROUNDS, BATCHES, BATCH = 7, 4, 4_096
NOW = 1_700_000_000 * SECOND
SCENARIO = Path(__file__).parents[1] / "scenarios" / "retail" / "online_retail.mapping.yaml"
MACHINE = {
    "type": "machine.recorded",
    "time": {"column": "timestamp", "zone": "UTC"},
    "fields": {"value": {"from": "value", "type": "number"}},
}
ORDERS = {
    "type": {"cases": [{"when": {"field": "status", "equals": "void"}, "type": "order.voided"}], "default": "order"},
    "source": "/shop",
    "id": "{no}-{line}",
    "time": {"column": "created_at", "format": "epoch_ms"},
    "key": "no",
    "fields": {
        "order_no": "no",
        "value": {"from": "total.amount", "type": "decimal"},
        "city": {"from": "customer.city", "optional": True},
        "express": {"from": "express", "type": "boolean"},
    },
}
STEPS = {
    "keep": [{"field": "city", "one_of": ["Leeds", "Derby"]}],
    "enrich": [
        {"table": "depots.csv", "on": "city", "match": "town", "take": {"depot": "name"}, "missing": "unknown",
         "rows": {"Leeds": {"name": "North"}}},
        {"set": "channel", "to": "web"},
    ],
}  # fmt: skip
WAREHOUSES = [{"field": "warehouse", "one_of": ["leeds", "derby"]}]


def streams(data: Path) -> Iterator[tuple[str, StreamSpec, Iterator[Any]]]:
    """Name, stream, documents."""
    mapping = load_mapping(SCENARIO).model_copy(update={"id": None})  # messages have no rows
    with gzip.open(data / "online_retail_2010-12.csv.gz", "rt", encoding="utf-8") as file:
        yield "retail", StreamSpec(topic="orders", mapping=mapping), csv.DictReader(file)
    with (data / "machine_temperature.csv").open(encoding="utf-8") as file:
        yield "machine", StreamSpec.model_validate({"topic": "machine", "mapping": MACHINE}), csv.DictReader(file)
    yield "orders", StreamSpec.model_validate({"topic": "shop", "mapping": ORDERS}), _orders()
    steps = {"topic": "shop", "mapping": ORDERS, **STEPS}
    yield "orders, kept and enriched", StreamSpec.model_validate(steps), _orders()
    yield "orders, published too", StreamSpec.model_validate(steps | {"processed": "done"}), _orders()
    types = [{"type": name, "data": {"required": ["order_id"]}} for name in ("order.placed", "order.cancelled")]
    envelopes = StreamSpec.model_validate({"topic": "shop", "types": types, "keep": WAREHOUSES})
    yield "envelopes, kept", envelopes, map(msgspec.Raw, payloads(BATCHES * BATCH))


def _orders() -> Iterator[dict[str, Any]]:
    for number in itertools.count():
        yield {
            "no": 536_365 + number // 3,
            "line": number % 3,
            "status": "void" if number % 50 == 0 else "paid",
            "created_at": 1_600_000_000_000 + number * 1_000,
            "total": {"amount": number % 900 / 100, "currency": "GBP"},
            "customer": {"city": ("Leeds", "Derby", "Truro")[number % 3], "country": "GB"},
            "express": number % 7 == 0,
        }


def messages(documents: Iterator[Any]) -> list[Batch]:
    """As the embedded broker hands them out."""
    bodies = map(msgspec.json.encode, itertools.islice(documents, BATCHES * BATCH))
    made = [StoredMessage("shop", 0, place, None, body, NOW) for place, body in enumerate(bodies)]
    return [Batch(made[begin : begin + BATCH]) for begin in range(0, len(made), BATCH)]


def rate(work: Callable[[], int], events: int) -> tuple[float, int]:
    """Messages a second, and how many were accepted."""
    begun = time.perf_counter()
    accepted = work()
    return events / (time.perf_counter() - begun), accepted


def compare(name: str, stream: StreamSpec, documents: Iterator[Any]) -> None:
    """Prints one line."""
    screen, batches = Screen(stream, "default"), messages(documents)
    count, size = sum(map(len, batches)), len(batches[0].payloads[0])
    reader = BatchReader(Screen(stream, "default"), manifest(stream), stream)

    def singly() -> int:
        return sum(isinstance(screen.read(each, NOW), Accepted) for batch in batches for each in batch)

    def at_once() -> int:
        return sum(len(reader.read(batch, NOW, batch.payloads).places) for batch in batches)

    slow, fast = [], []
    for _ in range(ROUNDS):
        (one, accepted), (other, also) = rate(singly, count), rate(at_once, count)
        assert accepted == also, (name, accepted, also)
        slow.append(one)
        fast.append(other)
    low, high = statistics.median(slow), statistics.median(fast)
    fast_told = f"at once {high:,.0f}/s ({1e6 / high:.2f} us)"
    print(f"  {name}, {size} bytes: one by one {low:,.0f}/s, {fast_told}: {high / low:.1f} times")


def manifest(stream: StreamSpec) -> PackManifest:
    """Counts the events; what a pack measures makes no difference here."""
    of = tuple(each.type for each in stream.types)
    return PackManifest(
        pack="bench",
        title="A mapped stream",
        streams=(stream,),
        measures=(Measure(name="events", title="Events", of=of, aggregate="count"),),
        detectors=(DetectorSpec(name="spike", measure="events", kind="count"),),
    )


def main() -> None:
    logging.disable(logging.WARNING)
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    print(f"{describe(folder(), fsync_micros(folder()))}; {BATCHES} batches of {BATCH}")
    for each in streams(data):
        gc.collect()
        gc.freeze()  # as the service does
        compare(*each)


if __name__ == "__main__":
    main()
