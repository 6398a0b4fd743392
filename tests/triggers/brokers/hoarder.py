"""A process of its own that subscribes, waits until it is told to go on, and takes all there is: how much memory?

`hoarder.py SETTINGS`: JSON for `PulsarSettings`, with `topic`. A line on stdin is the word to go on; then it says what
it came to, in JSON.
"""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.triggers.brokers.conftest import TickingClock
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings


def _peak_mb() -> float:
    """Not `getrusage`: that begins with what the parent had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


async def main(topic: str, **settings: Any) -> None:
    broker = await PulsarBroker.open(PulsarSettings(**settings), TickingClock())
    before, taken = _peak_mb(), 0
    consumer = await broker.subscribe(topic, "hoarder", partition=0, sharing="exclusive")
    print("subscribed", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    while not await consumer.at_end():
        messages = await consumer.receive(100, wait=False)
        await consumer.ack(messages)
        taken += len(messages)
        del messages
    print(json.dumps({"taken": taken, "mb": _peak_mb() - before}), flush=True)
    await broker.close()


asyncio.run(main(**json.loads(sys.argv[1])))
