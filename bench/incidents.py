"""Durable incident runs per second, no model, 64 incidents in flight: ours against LangGraph's own SQLite savers.

What runs is the same for all: `graphs.incident.build`, the same nodes, state, pack and procedure; the same feeder,
which keeps so many incidents open and sends each the mail it waits for; and the same kind of ledger for what a segment
does (journal, view, command, timers, watch, mail), `synchronous=FULL`, on the same disk. Two stories:

* `act` (three segments): signal -> open, explain, recall, plan, gate, dispatch -> waits for the outcome -> verifies ->
  waits for the measure -> recovered, conclude.
* `observe` (two segments): signal -> open, explain, recall, plan, gate -> waits for the measure -> conclude.

Ours is `IncidentDriver` over `SqliteLedger`: claim, lease, fencing, attempts, effects and checkpoint, as the worker
runs it. Beside it two other designs over the same driver, in which LangGraph's own loop runs the nodes
(`bench.designs`).

The baseline is what a careful user of a stock saver writes with `durability="sync"`: read the mail, run the graph over
the saver, and commit the segment's effects, the consumed mail and the run's status in one ledger transaction. Where
there was a choice it is the baseline's advantage:

* it takes no claim and no lease (one process owns every run), counts no attempts, does not prune finished threads, and
  takes in no episodes;
* its effects go through our group-committing ledger, so 64 runs share the fsyncs of those;
* the saver has a file of its own, so it never waits for the ledger's writer, and the ledger never for it;
* its loop is woken by commits, and runs up to 64 segments at once;
* `AsyncSqliteSaver` on one loop; `SqliteSaver` under `graph.invoke` in pools of 1, 4 and 16 threads (8 and 32 gave no
  more). The best of these counts.

Beside them `SqliteSaver, adapted to async`: a subclass that answers the calls which SqliteSaver refuses, on the loop
itself, so that no thread is handed anything. It is faster than both stock savers and none of them; its ratio is printed
too.

    python -m bench.incidents [--rounds 5] [--runs 256] [--in-flight 64] [--story act] [--home FOLDER]
"""

import argparse
import asyncio
import gc
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench.contenders import CONTENDERS, INLINE, OURS
from bench.machine import describe, fsync_micros
from bench.plant import Feeder, new_services
from ledger import SqliteLedger

WARM_UP_RUNS = 64


async def measure(contender: str, home: Path, story: str, in_flight: int, runs: int) -> tuple[float, float]:
    """Finished runs a second, and processor seconds a second, once the first have passed."""
    ledger = SqliteLedger(home / "ledger.db")
    services = await new_services(ledger, story)
    feeder = Feeder(services, in_flight)
    async with CONTENDERS[contender](services, home, in_flight) as serve:
        stop = asyncio.Event()
        gc.collect()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feeder.feed(stop))
            tasks.create_task(serve(stop))
            await feeder.until(WARM_UP_RUNS)
            begun, cpu, done = time.perf_counter(), time.process_time(), feeder.finished
            await feeder.until(done + runs)
            took, used, done = time.perf_counter() - begun, time.process_time() - cpu, feeder.finished - done
            stop.set()
    await feeder.check()
    await ledger.close()
    return done / took, used / took


def _cost(rates: list[float], busy: list[float]) -> float:
    """Milliseconds of processor time a run, the median of the rounds: it shows less of what else the machine does."""
    return statistics.median(1_000 * used / rate for rate, used in zip(rates, busy, strict=True))


def main() -> None:
    """Alternate the contenders, print medians and ratios."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument(
        "--runs", type=int, default=256, help="what a round measures; incidents go in waves of --in-flight"
    )
    options.add_argument("--in-flight", type=int, default=64)
    options.add_argument("--story", choices=("act", "observe"), default="act")
    options.add_argument("--home", type=Path, default=None, help="a folder on the disk to measure")
    options.add_argument("--only", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    args = options.parse_args()
    args.home = args.home or Path(tempfile.gettempdir())
    rates: dict[str, list[float]] = {name: [] for name in args.only}
    busy: dict[str, list[float]] = {name: [] for name in args.only}
    flushes: list[float] = []
    for number in range(args.rounds):
        for name in args.only:
            home = Path(tempfile.mkdtemp(prefix="incidents-", dir=args.home))
            try:
                flushes += fsync_micros(home)
                rate, used = asyncio.run(measure(name, home, args.story, args.in_flight, args.runs))
            finally:
                shutil.rmtree(home)
            rates[name].append(rate)
            busy[name].append(used)
            print(f"round {number + 1}: {name:32} {rate:8.1f} runs/s   cpu {used:.2f}", flush=True)
    print(describe(args.home, flushes))
    print(f"story {args.story}, {args.in_flight} in flight, {args.rounds} rounds of {args.runs} runs; medians:")
    medians = {name: statistics.median(each) for name, each in rates.items()}
    for name, value in medians.items():
        ratio = f"{medians[OURS] / value:6.2f}x" if OURS in medians else ""
        print(f"  {name:32} {value:8.1f} runs/s  {_cost(rates[name], busy[name]):7.1f} ms of processor a run  {ratio}")
    stock = max((value for name, value in medians.items() if name.startswith("stock")), default=None)
    if stock and OURS in medians:
        print(f"ours against the better stock saver: {medians[OURS] / stock:.2f}x (wanted: 5)")
        if INLINE in medians:
            print(f"ours against {INLINE}: {medians[OURS] / medians[INLINE]:.2f}x")


if __name__ == "__main__":
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    main()
