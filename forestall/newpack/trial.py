"""What a drafted pack would have noticed on the very sample: `forestall run --until-idle` in a home thrown away."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agents.mapping import Fault, Mapper, Origin
from contracts import DEFAULT_TENANT, Clock, encode_event
from forestall.backtest.findings import incidents_of, signals_of
from forestall.backtest.quiet import letters_summed_up
from forestall.backtest.result import Incident, Told
from forestall.bootstrap import App, open_app
from forestall.newpack.documents import as_json
from forestall.newpack.plan import Plan
from forestall.newpack.rhythm import in_turn
from forestall.newpack.sample import Sample
from forestall.packs import Pack
from forestall.settings import Settings
from ledger import Transaction
from triggers.brokers import Outgoing

BATCH = 2_000
LETTERS_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Trial:
    """`counts` are the monitor's, `dead` the dead letters by (code, reason of one of them).

    `faults` counts the documents that make no event, by the rule that they break. `learning`: detectors that did not
    know what is normal before the sample ended.
    """

    incidents: tuple[Incident, ...]
    signals: tuple[Told, ...]
    counts: Mapping[str, int]
    dead: Mapping[str, tuple[int, str]]
    faults: Mapping[str, int]
    learning: tuple[str, ...]


async def try_out(pack: Pack, plan: Plan, sample: Sample, clock: Clock) -> Trial:
    """Play the sample through the pack, in a home that is thrown away."""
    messages, faults = await asyncio.to_thread(_mapped, pack, plan, sample)
    with tempfile.TemporaryDirectory(prefix="forestall-new-") as home, letters_summed_up():
        async with open_app(_settings(Path(home)), [_watching(pack)], clock, owner="new") as app:
            for start in range(0, len(messages), BATCH):
                await app.broker.publish(plan.topic, messages[start : start + BATCH])
            await app.worker.run_until_idle()
            learning = await _learning(app, pack)
            return await app.ledger.read(lambda tx: _result(tx, app, pack, faults, learning))


def _mapped(pack: Pack, plan: Plan, sample: Sample) -> tuple[list[Outgoing], Mapping[str, int]]:
    """The sample as events. A file that is not in the order of time is sorted; a topic's order is its partitions'."""
    [stream] = pack.manifest.streams
    order: Sequence[int] = range(len(sample.documents))
    if sample.partitions:
        order = in_turn(plan.at, sample.partitions)
    rows = sorted(order, key=lambda row: plan.at[row] or 0) if plan.unsorted else order
    if stream.mapping is None:
        return [Outgoing(as_json(sample.documents[row])) for row in rows], {}
    mapper = Mapper(stream.mapping, tenant=DEFAULT_TENANT)
    messages, faults = [], Counter[str]()
    for row in rows:
        published = sample.published[row] if sample.published else None
        made = mapper.map(sample.documents[row], Origin(plan.topic, str(row + 1), row + 1, published))
        if isinstance(made, Fault):
            faults[f"{made.field}: {made.rule}" if made.field else made.rule] += 1
        else:
            messages.append(Outgoing(encode_event(made), made.key))
    return messages, dict(faults.most_common())


def _watching(pack: Pack) -> Pack:
    """The documents are mapped already, so here the stream's messages are events."""
    [stream] = pack.manifest.streams
    events = stream.model_copy(update={"mapping": None, "format": "cloudevents"})
    return replace(pack, manifest=pack.manifest.model_copy(update={"streams": (events,)}))


def _settings(home: Path) -> Settings:
    """Nothing that the environment configures is reached: no broker, no model, no webhook."""
    return Settings(
        _env_file=None,
        home=home,
        batch=2_000,
        model=None,
        model_base_url=None,
        webhook_url=None,
        pulsar_url=None,
        broker="embedded",
    )


async def _learning(app: App, pack: Pack) -> tuple[str, ...]:
    """Detectors that knew to the end of no pane what is usual."""
    found = []
    for detector in pack.manifest.detectors:
        measure = next(each for each in pack.manifest.measures if each.name == detector.measure)
        if measure.key is not None:
            continue
        recent = await app.services.recent(pack.name, measure.name, detector.name, "all")
        if all(each.state == "learning" for each in recent):
            found.append(detector.name)
    return tuple(found)


def _result(tx: Transaction, app: App, pack: Pack, faults: Mapping[str, int], learning: tuple[str, ...]) -> Trial:
    prefix = f"monitor:{pack.name}:"
    counters = {name.removeprefix(prefix): number for name, number in tx.docs.counters().items()}
    reasons = {each.code: each.reason for each in tx.inbox.dead_letters(LETTERS_LOOKED_AT)}
    return Trial(
        incidents=incidents_of(tx, app.services.packs[pack.name]),
        signals=signals_of(tx),
        counts={name: counters.get(name, 0) for name in ("events", "duplicates", "late", "keys_refused")},
        dead={code: (number, reasons.get(code, "")) for code, number in sorted(tx.inbox.dead_letter_count().items())},
        faults=faults,
        learning=learning,
    )
