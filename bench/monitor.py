"""Events a second from the log to signals: inbox, panes and detectors durable, acknowledged after the commit.

    python -m bench.monitor embedded|pulsar [events]

With row ids, and with random ids after a million inbox rows. On Pulsar (FORESTALL_BENCH_PULSAR) beside two loops in
the same run, in turns: the fastest bare one (batches, msgspec, cumulative acknowledgements) and the one that most
people write (receive, json.loads, acknowledge each). Medians of three rounds, without start-up (`bench.steady`).
"""

import asyncio
import gc
import logging
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.loops import LOOPS, clean_up, fill, round_trip_ms
from bench.machine import describe, fsync_micros
from bench.stages import timed, told
from bench.steady import Pace, Steady
from bench.stream import payloads, retail
from forestall.bootstrap import LEDGER_FILE, open_app
from forestall.settings import Settings
from graphs import subscription_name
from ledger import InboxIndex, SqliteLedger
from triggers.brokers import EmbeddedBroker, Outgoing
from triggers.brokers.embedded_consumer import EmbeddedConsumer
from triggers.brokers.pulsar.consumer import PulsarConsumer
from triggers.clock import WallClock

URL = os.environ.get("FORESTALL_BENCH_PULSAR", "pulsar://127.0.0.1:6650")
WEB = os.environ.get("FORESTALL_BENCH_PULSAR_WEB", "http://127.0.0.1:8080")
BATCH = int(os.environ.get("FORESTALL_BENCH_BATCH", "8192"))
ROUNDS = 3
OLD_ROWS = 1_000_000


async def monitor(settings: Settings, topic: str, name: str, events: int) -> Pace:
    """Read a topic to its end as `forestall run --until-idle` does."""
    pack, watch = retail(topic, name), Steady()
    with timed((EmbeddedConsumer, PulsarConsumer), watch) as spent:
        async with open_app(settings, [pack], WallClock(), owner="bench") as app:
            gc.collect()
            gc.freeze()  # as the service does
            await app.worker.run_until_idle()
            pace, took = watch.pace(), watch.seconds
            counters = await app.ledger.read(lambda tx: tx.docs.counters())
    taken = counters.get(f"monitor:{name}:events", 0)
    if taken != events:
        raise SystemExit(f"{taken} of {events} events were counted: {counters}")
    panes, signals = counters.get(f"monitor:{name}:panes", 0), counters.get(f"monitor:{name}:signals", 0)
    print(f"    monitor: {pace}; {panes} panes, {signals} signals; {told(spent, took, watch.measured)}", flush=True)
    return pace


async def embedded(events: int) -> None:
    """Row ids in a new home; then random ids in a home whose inbox has a million rows."""
    for random_ids in (False, True):
        rates = []
        print("embedded, random ids after a million rows" if random_ids else "embedded, row ids", flush=True)
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(dir=folder()) as home:
                settings = Settings(home=Path(home), batch=BATCH, broker="embedded")
                broker = await EmbeddedBroker.open(Path(home) / "broker.db", WallClock(), owner="bench")
                await broker.ensure_subscription("orders", subscription_name("retail", "orders"))
                bodies = list(payloads(events, random_ids=random_ids))
                for begin in range(0, events, 1_000):
                    await broker.publish("orders", [Outgoing(each) for each in bodies[begin : begin + 1_000]])
                await broker.close()
                if random_ids:
                    await old_rows(Path(home) / LEDGER_FILE, subscription_name("retail", "orders"))
                rates.append((await monitor(settings, "orders", "retail", events)).rate)
        print(f"  median {statistics.median(rates):,.0f}/s of {ROUNDS} runs", flush=True)


async def old_rows(path: Path, subscription: str) -> None:
    """A million identities of the subscription, in batches."""
    ledger, index = SqliteLedger(path), InboxIndex(subscription)
    for _ in range(0, OLD_ROWS, BATCH):
        names = [os.urandom(16) for _ in range(BATCH)]
        seen = await ledger.read(index.refresh)
        now = WallClock().now()
        await ledger.transact(
            "fill", lambda tx, s=seen, n=names, at=now: tx.inbox.add_batch(s, n, [b"x" * 8] * BATCH, at)
        )  # type: ignore[misc]
    print(f"    index of {len(index):,} identities: {index.memory_bytes / 1e6:.0f} MB", flush=True)
    await ledger.close()


async def pulsar(events: int) -> None:
    """The monitor in turns with the two loops, on one topic; then the same with random ids after a million rows."""
    trip = f"bench-monitor-{os.getpid()}-trip"
    print(f"Pulsar {URL}: round trip {round_trip_ms(URL, trip):.2f} ms (median, produce to receive)")
    clean_up(WEB, trip)
    for random_ids in (False, True):
        print("random ids after a million rows" if random_ids else "row ids", flush=True)
        await in_turns(f"bench-monitor-{os.getpid()}-{random_ids}".lower(), events, random_ids=random_ids)


async def in_turns(topic: str, events: int, *, random_ids: bool) -> None:
    fill(URL, topic, payloads(events, random_ids=random_ids))
    gc.collect()
    gc.freeze()  # for all of them: the loops are a third slower where the collector walks through our modules
    paces: dict[str, list[Pace]] = {name: [] for name in ("monitor", *LOOPS)}
    try:
        for number in range(ROUNDS):
            for name, loop in LOOPS.items():
                paces[name].append(await asyncio.to_thread(loop, URL, topic, f"{name}-{number}", events))
                print(f"    {name}: {paces[name][-1]}", flush=True)
            with tempfile.TemporaryDirectory(dir=folder()) as home:
                settings = Settings(home=Path(home), batch=BATCH, broker="pulsar", pulsar_url=URL, pulsar_web_url=WEB)
                pack = f"retail_{number}"
                if random_ids:
                    await old_rows(Path(home) / LEDGER_FILE, subscription_name(pack, topic))
                paces["monitor"].append(await monitor(settings, topic, pack, events))
    finally:
        clean_up(WEB, topic)
    middle = {name: statistics.median(each.rate for each in found) for name, found in paces.items()}
    for name, found in paces.items():
        print(f"  {name}: median {Pace(middle[name], statistics.median(each.cpu for each in found))} of {ROUNDS} runs")
    print(
        f"  monitor / bare {middle['monitor'] / middle['bare']:.2f}, / naive {middle['monitor'] / middle['naive']:.2f}"
    )


def folder() -> Path:
    """Where homes are made: on the disk, not in memory."""
    return Path(os.environ.get("FORESTALL_BENCH_FOLDER", "/var/tmp"))


def main() -> None:
    logging.disable(logging.WARNING)
    which = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    size = len(next(payloads(1, first=50_001)))
    print(f"{describe(folder(), fsync_micros(folder()))}; events of {size} bytes, batches of {BATCH}")
    asyncio.run({"embedded": embedded, "pulsar": pulsar}[which](events))


if __name__ == "__main__":
    main()
