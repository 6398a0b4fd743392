"""Reflex latency on Pulsar: from an event's sending to its command's arrival, beside the broker's own round trip.

Both are measured message by message in turns, unbatched, from the same process over the same client: a *hop pair* is
produce, receive, produce, receive on two topics; a *reflex* is produce an event, and receive the command that a pack's
rule made of it (inbox, decision, command and outbox are on disk before it is sent). The worker runs in a process of its
own, as a service does.

    python -m bench.reflex [events]        FORESTALL_BENCH_PULSAR=pulsar://127.0.0.1:6650
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pulsar

from bench.machine import describe, fsync_micros, percentile
from contracts import to_iso
from triggers.clock import WallClock

URL = os.environ.get("FORESTALL_BENCH_PULSAR", "pulsar://127.0.0.1:6650")
WEB = os.environ.get("FORESTALL_BENCH_PULSAR_WEB", "http://127.0.0.1:8080")
WARM_UP = 50
PACK = """
pack: bench_reflex
title: A reflex to be measured
mode: act
streams:
  - topic: {name}.cards
    types:
      - type: card.refused
        data: {{type: object, required: [card], properties: {{card: {{type: string}}, reason: {{type: string}}}}}}
measures:
  - {{name: refusals, title: Refusals, of: [card.refused]}}
detectors:
  - {{name: refusals, measure: refusals, kind: count}}
topic_tools:
  - {{name: block, topic: {name}.commands, title: Block a card, arguments: {{type: object}}}}
reflexes:
  - name: block_stolen
    of: [card.refused]
    where: [{{field: reason, equals: stolen}}]
    tool: block
    arguments: {{card: $card}}
    at_most: 100000
autonomy:
  rules: [{{tool: block, may: alone}}]
"""
EVENT = (
    '{{"specversion":"1.0","id":"e{n}","source":"/bench","type":"card.refused","time":"{at}","partitionkey":"c{n}",'
    '"data":{{"card":"c{n}","reason":"stolen"}}}}'
)


def main(count: int) -> None:
    name = f"bench-{os.getpid()}"
    with tempfile.TemporaryDirectory(dir=os.environ.get("FORESTALL_BENCH_DISK")) as folder:
        home = Path(folder)
        print(describe(home, fsync_micros(home)))
        (home / "pack.yaml").write_text(PACK.format(name=name))
        environment = os.environ | {"FORESTALL_PULSAR_URL": URL, "FORESTALL_PULSAR_WEB_URL": WEB}
        command = [sys.executable, "-m", "forestall"]
        grant = [*command, "grant", f"{home / 'pack.yaml'}/block_stolen", "--up-to", "0", "--home", str(home / "h")]
        service = [*command, "run", "--pack", str(home / "pack.yaml"), "--home", str(home / "h")]
        client = pulsar.Client(URL, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
        commands = _consumer(client, f"{name}.commands")
        ready = home / "ready"
        with subprocess.Popen(
            [*service, "--ready-file", str(ready)], env=environment, stderr=subprocess.DEVNULL
        ) as run:
            try:
                while not ready.exists():
                    time.sleep(0.05)
                subprocess.run(grant, env=environment, check=True, stdout=subprocess.DEVNULL)
                _measure(client, name, commands, count)
            finally:
                run.terminate()
                run.wait(30)
                client.close()


def _measure(client: Any, name: str, commands: Any, count: int) -> None:
    there, back = _consumer(client, f"{name}.there"), _consumer(client, f"{name}.back")
    out, home = _producer(client, f"{name}.there"), _producer(client, f"{name}.back")
    events = _producer(client, f"{name}.cards")
    pairs: list[float] = []
    reflexes: list[float] = []
    for number in range(count + WARM_UP):
        payload = EVENT.format(n=number, at=to_iso(WallClock().now())).encode()
        begun = time.perf_counter()
        out.send(payload)
        there.acknowledge(there.receive())
        home.send(payload)
        back.acknowledge(back.receive())
        paired = time.perf_counter()
        events.send(payload)
        message = commands.receive(timeout_millis=30_000)
        arrived = time.perf_counter()
        commands.acknowledge(message)
        assert f'"c{number}"'.encode() in message.data(), "a command of another event"
        if number >= WARM_UP:
            pairs.append((paired - begun) * 1e3)
            reflexes.append((arrived - paired) * 1e3)
    for what, found in (("hop pair", pairs), ("reflex", reflexes)):
        print(f"{what:>9}: p50 {statistics.median(found):6.2f} ms, p99 {percentile(found, 0.99):6.2f} ms")
    middle = statistics.median(reflexes) / statistics.median(pairs)
    tail = percentile(reflexes, 0.99) / percentile(pairs, 0.99)
    print(f"    ratio: p50 {middle:6.2f} (goal 1.5), p99 {tail:6.2f} (goal 2), over {count} events")


def _consumer(client: Any, topic: str) -> Any:
    return client.subscribe(topic, "bench", consumer_type=pulsar.ConsumerType.Exclusive)


def _producer(client: Any, topic: str) -> Any:
    return client.create_producer(topic, batching_enabled=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
