"""One current incident a key: opening, joining and cooling down, against a small model."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts import Correlation
from ledger import Joined, SqliteLedger, Transaction
from tests.ledger.builders import claim, open_run, signal

Answer = TypeVar("Answer")
WINDOW, COOLDOWN = 10, 5
CORRELATION = Correlation(window=WINDOW, cooldown=COOLDOWN)


@dataclass
class Known:
    """An incident, as the model sees it."""

    onset: int
    current: bool = True
    closed_at: int | None = None
    mail: int = 1


class Incidents(RuleBasedStateMachine):
    """Signals of two keys, in any order of onset, and ends of incidents."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.ledger = SqliteLedger(Path(self.folder.name) / "ledger.db")
        self.runner = asyncio.Runner()
        self.known: dict[str, dict[str, Known]] = {"a": {}, "b": {}}
        self.signals = 0

    def teardown(self) -> None:
        self.runner.run(self.ledger.close())
        self.runner.close()
        self.folder.cleanup()

    def _do(self, work: Callable[[Transaction], Answer]) -> Answer:
        return self.runner.run(self.ledger.transact("test", work))

    @rule(key=st.sampled_from("ab"), onset=st.integers(0, 40), again=st.booleans())
    def raise_signal(self, key: str, onset: int, again: bool) -> None:
        known = self.known[key]
        self.signals += 1
        raised = signal(onset, key=key, id=f"sig-{self.signals}")

        def work(tx: Transaction) -> Joined:
            return tx.incidents.open_or_join(raised, CORRELATION, "digest", 1)

        found = self._do(work)
        expected, incident = self._expected(known, onset)
        assert found.how == expected
        if expected == "opened":
            assert found.incident_id not in known
            for each in known.values():
                each.current = False
            known[found.incident_id] = Known(onset)
        else:
            assert known[found.incident_id] is incident
            if expected == "joined":
                incident.mail += 1
        if again and expected != "opened":
            assert self._do(work) == found, "the same signal again changes nothing"

    @staticmethod
    def _expected(known: dict[str, Known], onset: int) -> tuple[str, Known]:
        current = next((each for each in known.values() if each.current and each.closed_at is None), None)
        if current and abs(onset - current.onset) <= WINDOW:
            return "joined", current
        closed = [each for each in known.values() if each.closed_at is not None]
        last = max(closed, key=lambda each: (each.closed_at or 0, each.onset), default=None)
        if current is None and last is not None and onset < (last.closed_at or 0) + COOLDOWN:
            return "suppressed", last
        for each in known.values():
            if each.onset == onset:
                return ("joined" if each.closed_at is None else "suppressed"), each
        return "opened", Known(onset)

    @precondition(lambda self: any(each.closed_at is None for known in self.known.values() for each in known.values()))
    @rule(data=st.data(), after=st.integers(0, 12))
    def close(self, data: st.DataObject, after: int) -> None:
        choices = [(thread, each) for known in self.known.values() for thread, each in known.items()]
        thread, incident = data.draw(st.sampled_from([pair for pair in choices if pair[1].closed_at is None]))
        incident.closed_at = incident.onset + after

        def work(tx: Transaction) -> None:
            run = tx.runs.get(thread)
            assert run is not None
            tx.runs.finish(run, incident.onset + after)

        self._do(work)

    @invariant()
    def at_most_one_is_current_and_no_mail_is_lost(self) -> None:
        def look(tx: Transaction) -> None:
            for key, known in self.known.items():
                current = tx.runs.current("default", "plant", key)
                expected = [name for name, each in known.items() if each.current and each.closed_at is None]
                assert ([current.thread] if current else []) == expected
                for thread, each in known.items():
                    rows = tx.runs._db.execute("SELECT count(*) FROM mailbox WHERE thread = ?", (thread,))
                    assert rows.fetchone() == (each.mail,)

        self._do(look)


Incidents.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
TestIncidents = Incidents.TestCase


async def test_a_watch_is_replaced_and_ends_with_its_run(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    thread = await ledger.transact("open", open_run)
    for doc in ({"since": 1}, {"since": 2}):
        await ledger.transact("watch", lambda tx, doc=doc: tx.incidents.watch(thread, "plant", "m", "d", "k", doc))  # type: ignore[misc]
    assert await ledger.read(lambda tx: tx.incidents.watches("plant")) == [(thread, "m", "d", "k", {"since": 2})]
    assert await ledger.read(lambda tx: tx.incidents.watches("other")) == []
    await ledger.transact("finish", lambda tx: tx.runs.finish(claim(tx), 20))
    assert await ledger.read(lambda tx: tx.incidents.watches("plant")) == []
    await ledger.close()
