"""A process that reads and then hangs, or publishes until it is killed: `python holder.py '{...}'`."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from triggers.brokers import Broker, EmbeddedBroker, EmbeddedSettings, Outgoing
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings


class Clock:
    def now(self) -> int:
        return 0


async def open_broker(where: dict[str, Any]) -> Broker:
    if "path" in where:
        return await EmbeddedBroker.open(Path(where["path"]), Clock(), settings=EmbeddedSettings(partitions=4))
    return await PulsarBroker.open(PulsarSettings(**where), Clock())


async def hold(broker: Broker, task: dict[str, Any]) -> None:
    consumer = await broker.subscribe(task["topic"], task["subscription"], sharing=task["sharing"])
    received = []
    while len(received) < task["receive"]:
        received += await consumer.receive(task["receive"] - len(received))
    await consumer.ack(received[: task["ack"]])
    if task["ack"]:
        await consumer.receive(1, wait=False)
    print(json.dumps([int(message.payload) for message in received]), flush=True)
    await asyncio.Event().wait()


async def publish(broker: Broker, task: dict[str, Any]) -> None:
    for number in range(1_000_000):
        await broker.publish(task["topic"], [Outgoing(str(number).encode(), "one")])
        print(number, flush=True)


async def main() -> None:
    task = json.loads(sys.argv[1])
    broker = await open_broker(task["where"])
    await (publish if "receive" not in task else hold)(broker, task)


asyncio.run(main())
