"""A million events through one worker: is memory flat, how large is the ledger, does pruning keep it bounded?

    python -m bench.million [events]

Once with the inbox's horizon far away and once with one of two seconds and a pruner that comes by every batch of
100,000 events, as it would every six hours.
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import describe, fsync_micros
from bench.monitor import BATCH, folder
from bench.stream import payloads, retail
from contracts import SECOND
from forestall.bootstrap import LEDGER_FILE, open_app
from forestall.settings import Settings
from graphs import subscription_name
from ledger import Retention, Transaction
from triggers.brokers import Broker, Outgoing
from triggers.clock import WallClock
from triggers.pruner import Pruner

STEP = 100_000


def resident_mb() -> float:
    """Memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def size_mb(home: Path) -> float:
    """The ledger's file with its write-ahead log, in MB."""
    return sum(each.stat().st_size for each in home.glob(LEDGER_FILE + "*")) / 1e6


async def publish(broker: Broker, first: int) -> None:
    bodies = [Outgoing(each) for each in payloads(STEP, first=first)]
    for begin in range(0, STEP, 1_000):
        await broker.publish("orders", bodies[begin : begin + 1_000])


async def run(events: int, retention: Retention | None) -> None:
    print("with pruning" if retention else "without pruning", flush=True)
    with tempfile.TemporaryDirectory(dir=folder()) as home:
        settings = Settings(home=Path(home), batch=BATCH, broker="embedded")
        pack = retail("orders")
        subscription = subscription_name(pack.name, "orders")

        def remembered(tx: Transaction) -> int:
            return tx.inbox.last_number(subscription) - tx.inbox.first_number(subscription) + 1

        async with open_app(settings, [pack], WallClock(), owner="bench") as app:
            spent = 0.0
            for first in range(0, events, STEP):
                await publish(app.broker, first)
                begun = time.perf_counter()
                await app.worker.run_until_idle()
                if retention is not None:
                    pruner = Pruner(app.services, retention)
                    while await pruner.step():
                        pass
                spent += time.perf_counter() - begun
                print(
                    f"    {first + STEP:>9,} events: RSS {resident_mb():.0f} MB, ledger {size_mb(Path(home)):.1f} MB,"
                    f" inbox {await app.ledger.read(remembered):,},"
                    f" {(first + STEP) / spent:,.0f}/s",
                    flush=True,
                )
            rows = await app.ledger.read(lambda tx: tx.docs.counters())
        print(f"  ledger per million events: {size_mb(Path(home)) / events * 1e6:.1f} MB; {rows}", flush=True)


def main() -> None:
    logging.disable(logging.WARNING)
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{describe(folder(), fsync_micros(folder()))}; batches of {BATCH}")
    short = Retention(inbox_us=2 * SECOND, outbox_us=0, journal_us=0, incidents_us=0)
    for retention in (None, short):
        asyncio.run(run(events, retention))


if __name__ == "__main__":
    main()
