"""The real data through the command line, on either broker: emitted, run, killed, and what the ledger says then."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx

from contracts import decision_digest
from forestall.demo import decisions_of
from ledger import SqliteLedger, Transaction

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
DECISION = "forestall.decision.made"
LOOK_S = 0.002


@dataclass(frozen=True, slots=True)
class Source:
    """A real stream: `pack` watches `topic`, on which the `rows` of `file` come by `forestall emit` with `options`."""

    pack: str
    topic: str
    file: Path
    rows: int
    options: tuple[str, ...]


RETAIL = Source(
    pack="retail",
    topic="retail.orders",
    file=DATA / "online_retail_2010-12.csv.gz",
    rows=49_999,
    options=("--map", str(ROOT / "scenarios" / "retail" / "online_retail.mapping.yaml")),
)
MACHINE = Source(
    pack=str(ROOT / "tests" / "packs" / "machine"),
    topic="machine.temperature",
    file=DATA / "machine_temperature.csv",
    rows=22_695,
    options=("--raw",),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must be the same however a stream is split, served and interrupted."""

    digest: str
    decisions: int
    signals: tuple[tuple[str, int, float, float, float], ...]
    incidents: tuple[tuple[str, str, str, str], ...]
    events: int
    late: int


@dataclass(frozen=True, slots=True)
class Play:
    """One source on one broker, with a home of its own."""

    source: Source
    home: Path
    environment: Mapping[str, str]

    def forestall(self, *arguments: str) -> str:
        process = self.start(*arguments)
        told, log = process.communicate()
        assert process.returncode == 0, log
        return told

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "forestall", "--home", str(self.home), *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def emit(self) -> None:
        source = self.source
        told = self.forestall("emit", str(source.file), *source.options, "--pack", source.pack, "--json")
        assert json.loads(told)["published"] == source.rows

    def begin_run(self) -> subprocess.Popen[str]:
        return self.start("run", "--pack", self.source.pack, "--until-idle", "--json")

    def run(self, processes: int = 1) -> None:
        """As many processes at a time, each until nothing is left to do."""
        running = [self.begin_run() for _ in range(processes)]
        for process in running:
            _, log = process.communicate()
            assert process.returncode == 0, log

    def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.forestall("incidents", "--json"))
        return found

    def outcome(self) -> Outcome:
        return asyncio.run(self._outcome())

    async def _outcome(self) -> Outcome:
        ledger = SqliteLedger(self.home / "ledger.db")
        try:
            return await ledger.read(self._found)
        finally:
            await ledger.close()

    def _found(self, tx: Transaction) -> Outcome:
        decisions = decisions_of(tx)
        signals = [event.data for _, event in tx.journal.of_type("forestall.signal.raised", 0)]
        pack = Path(self.source.pack).name
        return Outcome(
            digest=decision_digest(decisions),
            decisions=len(decisions),
            signals=tuple(
                sorted(
                    (each["id"], each["noticed_at"], each["observed"], each["expected"], each["score"])
                    for each in signals
                )
            ),
            incidents=tuple(
                sorted(
                    (each["id"], each["status"], str(each["opened_at"]), str(each.get("closed_at")))
                    for each in tx.incidents.all()
                )
            ),
            events=tx.docs.counter(f"monitor:{pack}:events"),
            late=tx.docs.counter(f"monitor:{pack}:late"),
        )

    def progress(self) -> tuple[int, int]:
        """Events that were counted and decisions that were made so far, read while it runs."""
        file = self.home / "ledger.db"
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
                events = db.execute("SELECT sum(value) FROM counters WHERE name LIKE 'monitor:%:events'").fetchone()[0]
                made = db.execute("SELECT count(*) FROM journal WHERE type = ?", (DECISION,)).fetchone()[0]
                return events or 0, made
        except sqlite3.OperationalError:  # not made yet
            return 0, 0


def kill_past(play: Play, ends: tuple[int, int], share: float) -> tuple[int, int] | None:
    """Start a run, and kill it once it has got further, and that share of all events and decisions is passed.

    Returns the progress at its death; None when it came to its end before.
    """

    def done() -> float:
        return sum(so_far / end for so_far, end in zip(play.progress(), ends, strict=True)) / len(ends)

    before = done()
    process = play.begin_run()
    while process.poll() is None:
        if (now := done()) >= share and now > before:
            process.kill()
        try:
            process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    _, log = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), log
    return play.progress() if process.returncode else None


class Namespaces:
    """Namespaces of a Pulsar, one a play, removed at the end as far as the broker lets us."""

    def __init__(self, url: str, web_url: str) -> None:
        self._url, self._web_url = url, web_url
        self._admin = httpx.Client(base_url=f"{web_url}/admin/v2/", timeout=60, trust_env=False)
        self._names: list[str] = []

    def make(self) -> dict[str, str]:
        """The environment that leads there. What was read stays, for a look back."""
        name = f"public/real-{uuid1().hex}"
        self._admin.put(f"namespaces/{name}").raise_for_status()
        keep = {"retentionTimeInMinutes": 60, "retentionSizeInMB": 1024}
        self._admin.post(f"namespaces/{name}/retention", json=keep).raise_for_status()
        self._names.append(name)
        return {
            "FORESTALL_PULSAR_URL": self._url,
            "FORESTALL_PULSAR_WEB_URL": self._web_url,
            "FORESTALL_PULSAR_NAMESPACE": name,
        }

    def partition(self, environment: Mapping[str, str], topic: str, partitions: int) -> None:
        where = f"persistent/{environment['FORESTALL_PULSAR_NAMESPACE']}/{topic}/partitions"
        self._admin.put(where, json=partitions).raise_for_status()

    def remove(self) -> None:
        for name in self._names:
            for topic in self._topics(f"persistent/{name}/partitioned"):
                self._admin.delete(f"{topic.replace('://', '/')}/partitions?force=true")
            for topic in self._topics(f"persistent/{name}"):
                self._admin.delete(f"{topic.replace('://', '/')}?force=true")
            self._admin.delete(f"namespaces/{name}")
        self._admin.close()

    def _topics(self, where: str) -> Iterator[str]:
        yield from self._admin.get(where).json()
