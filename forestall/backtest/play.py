"""The play: history through the very same intake, monitor and incident graphs, in a home that is thrown away."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agents.monitoring import MAX_JUMP
from contracts import MINUTE, SECOND, Clock, decode_event, to_iso
from evals import VirtualClock
from forestall.backtest.ahead import Ahead
from forestall.backtest.findings import incidents_of, signals_of
from forestall.backtest.letters import Letters
from forestall.backtest.pace import Pace, Stretch, closing, strides
from forestall.backtest.quiet import letters_summed_up
from forestall.backtest.recorded import History, Recorded
from forestall.backtest.result import Backtest, Rows
from forestall.backtest.span import Span
from forestall.backtest.tracks import Tracks
from forestall.bootstrap import App, open_app
from forestall.errors import ForestallError, UsageError
from forestall.packs import Pack
from forestall.settings import Settings
from governance import freeze
from ledger import Lease, Transaction
from triggers.brokers import EmbeddedBroker, Outgoing

OWNER = "backtest"
GRACE = MINUTE
"""How long after a pane's end the clock is looked at in a gap: a silent live stream closes its panes so much later."""
SILENCE_MAX = MAX_JUMP
"""So long a silence is played; the clock leaps over the rest of a longer one, as the combiner does. Without that a
first event of 1970 would be followed by half a century of empty panes."""
PRUNER = "pruner"
"""The lease of whoever prunes (`triggers.pruner`)."""
FOR_EVER = 2**61
"""Longer than virtual time, microseconds since 1970, can last."""
LETTERS_EVERY = 8
"""Dead letters are looked at after so many stretches."""
COUNTED = ("events", "duplicates", "late", "filtered", "keys_refused", "panes", "signals")


@dataclass(frozen=True, slots=True)
class Options:
    """`since` and `until` (microseconds) bound the span; `keep` is a folder for the home, which then stays."""

    since: int | None = None
    until: int | None = None
    keep: Path | None = None
    tenant: str = "default"
    batch: int = 512


Progress = Callable[[int, int], None]
"""Told the messages played and the virtual time, now and then."""


async def backtest(
    pack: Pack, history: History, options: Options, wall: Clock, progress: Progress = lambda _, __: None
) -> Backtest:
    """Play `history` for a pack and report what it would have noticed and done.

    The pack observes and all effects are frozen, whatever it declares; no model is asked, no webhook told.

    Raises:
        UsageError: `keep` is in use, or the span is none.
        InputError: there is no event in the span, or the history runs backwards.
        EmitError, BrokerError, LedgerError: the history cannot be read, or the home not be written.
    """
    if options.since is not None and options.until is not None and options.since >= options.until:
        told = f"--since {to_iso(options.since)}: is not before --until {to_iso(options.until)}"
        raise UsageError(told, "Swap them, or leave one out.")
    begun = wall.now()
    watching = _watching(pack)
    with _home(options.keep) as home, letters_summed_up():
        async with AsyncExitStack() as stack:
            clock = VirtualClock()
            app = await stack.enter_async_context(open_app(_settings(home, options), [watching], clock, owner=OWNER))
            if not isinstance(app.broker, EmbeddedBroker):
                raise ForestallError("a backtest came upon a broker that is not its own; nothing was published")
            span, ahead = Span(history, options.since, options.until), Ahead(app, watching, clock, wall)
            play = _Play(app, watching, clock, begun, progress)
            await play.run(ahead.without(span.batches()))
            found = await play.found(pack)
    wall_s = (wall.now() - begun) / SECOND
    return replace(found, source=history.name, rows=replace(history.rows, outside=span.outside), wall_s=wall_s)


def _watching(pack: Pack) -> Pack:
    """The pack in observe. Its streams' messages are mapped as they are read from the history, so here they are
    events."""
    streams = [
        each.model_copy(update={"mapping": None, "format": "cloudevents", "avro_schema": None, "processed": None})
        for each in pack.manifest.streams
    ]
    manifest = pack.manifest.model_copy(update={"mode": "observe", "streams": tuple(streams)})
    return replace(pack, manifest=manifest)


def _settings(home: Path, options: Options) -> Settings:
    """Nothing that the environment configures reaches a backtest: no broker, no model, no webhook."""
    return Settings(
        _env_file=None,
        home=home,
        batch=options.batch,
        tenant=options.tenant,
        model=None,
        model_base_url=None,
        model_api_key=None,
        webhook_url=None,
        broker="embedded",
        pulsar_url=None,
        pulsar_token=None,
        pulsar_token_file=None,
        pulsar_oauth2_issuer_url=None,
        pulsar_oauth2_private_key=None,
    )


@contextmanager
def _home(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="forestall-backtest-") as folder:
            yield Path(folder)
        return
    try:
        if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
            raise UsageError(f"--keep {keep}: holds something; it is left alone", "Name a folder that is new or empty.")
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--keep {keep}: cannot be made ({error.strerror})", "Choose another folder.") from error
    yield keep


class _Play:
    """One run, from the first event to the last pane."""

    def __init__(self, app: App, pack: Pack, clock: VirtualClock, today: int, progress: Progress) -> None:
        self._app, self._pack, self._clock, self._progress = app, pack, clock, progress
        measures = pack.manifest.measures
        self._pace = Pace(closing(measures), otherwise=today)
        self._careful, self._quiet = strides(measures)
        self._tracks = Tracks(app.services, pack.manifest)
        self._letters = Letters()
        self._played = self._noted = 0

    async def run(self, batches: AsyncIterator[list[Recorded]]) -> None:
        held = await self._app.ledger.transact("backtest", self._hold)
        async for stretch in self._pace.stretches(batches):
            await self._play(stretch)
        await self._app.worker.run_until_idle()
        await self._note(at_end=True)
        if held is not None:
            await self._app.ledger.transact("backtest", lambda tx: tx.leases.release(held))

    def _hold(self, tx: Transaction) -> Lease | None:
        """Nothing is done, and nothing forgotten: in virtual time a week, after which a live service may forget what
        it took, is over in a second, and the report needs every dead letter. Whoever prunes needs this lease."""
        now = self._clock.now()
        freeze(tx, person=OWNER, reason="a backtest does nothing", now=now)
        return tx.leases.acquire(PRUNER, f"{OWNER}: nothing is pruned", now, FOR_EVER)

    async def _play(self, stretch: Stretch) -> None:
        if stretch.after_gap:
            await self._pass_time(stretch.now)
        self._clock.move_to(stretch.now)
        await self._publish(stretch.messages)
        await self._app.worker.drain()
        self._played += len(stretch.messages)
        self._pace.beyond = await self._stride() - self._careful
        await self._note()

    async def _stride(self) -> int:
        """Careful where a timer may fall due before the panes of this stretch are closed."""
        due = await self._app.ledger.read(lambda tx: tx.runs.next_due())
        near = due is not None and due <= self._clock.now() + 2 * self._quiet
        return self._careful if near else self._quiet

    async def _pass_time(self, until: int) -> None:
        """The clock goes on while nothing comes: silent streams are judged, watches and timers end, as live."""
        worker = self._app.worker
        until = min(until, self._clock.now() + SILENCE_MAX)
        at = self._pace.next_close(self._clock.now())
        while at + GRACE < until:
            self._clock.move_to(max(at + GRACE, self._clock.now()))
            await worker.settle()
            for intake in self._app.intakes:
                while await intake.combine(live=True):
                    await worker.finish()
            await worker.finish()
            await self._note()
            at = self._pace.next_close(at + await self._stride() - 1)

    async def _publish(self, messages: list[Recorded]) -> None:
        topics: dict[str, list[Outgoing]] = {}
        for each in messages:
            topics.setdefault(each.topic, []).append(Outgoing(each.payload, each.key))
        for topic, batch in topics.items():
            await self._app.broker.publish(topic, batch)
        if any(measure.key for measure in self._pack.manifest.measures):
            self._tracks.meet(decode_event(each.payload) for each in messages if each.time is not None)

    async def _note(self, *, at_end: bool = False) -> None:
        await self._tracks.read(self._clock.now(), at_end=at_end)
        self._noted += 1
        if at_end or self._noted % LETTERS_EVERY == 0:
            await self._letters.read(self._app.ledger)
        self._progress(self._played, self._clock.now())

    async def found(self, pack: Pack) -> Backtest:
        """What came of it, from the ledger."""
        runtime = self._app.services.packs[pack.name]
        last = self._pace.otherwise if self._pace.now is None else self._pace.now

        def read(tx: Transaction) -> Backtest:
            return Backtest(
                pack=pack.name,
                title=pack.manifest.title,
                pack_digest=pack.digest,
                source="",
                begin=last if self._pace.begin is None else self._pace.begin,
                end=last,
                rows=Rows(),
                counts=_counts(tx, pack.name),
                dead_letters=self._letters.counted(tx),
                incidents=incidents_of(tx, runtime),
                signals=signals_of(tx),
                tracks=self._tracks.result(),
                tracks_left_out=self._tracks.left_out,
                wall_s=0,
            )

        return await self._app.ledger.read(read)


def _counts(tx: Transaction, pack: str) -> dict[str, int]:
    """What the monitor counted, by name; those that are always told come first, 0 or not."""
    prefix = f"monitor:{pack}:"
    found = {
        name.removeprefix(prefix): number
        for name, number in tx.docs.counters().items()
        if name.startswith(prefix) and name != f"{prefix}dead_letters"
    }
    return {name: found.pop(name, 0) for name in COUNTED} | dict(sorted(found.items()))
