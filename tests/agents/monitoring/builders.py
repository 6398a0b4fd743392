"""A small pack to monitor, and events for it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.monitoring import (
    ALL,
    Combiner,
    Counter,
    Findings,
    Floor,
    Pane,
    PartitionClock,
    Progress,
    Reach,
    Readings,
    Refused,
    Watch,
    Watched,
    merge_parts,
    reach_of,
)
from contracts import (
    MINUTE,
    DetectorSpec,
    Event,
    EventType,
    Measure,
    PackManifest,
    StreamSpec,
)
from ledger.documents import pack_doc, unpack_doc

START = 1_700_000_040 * 1_000_000 // MINUTE * MINUTE


def pack(*measures: Measure, above: float = 3, others: tuple[str, ...] = ()) -> PackManifest:
    """A threshold detector a measure, called like it."""
    return PackManifest(
        pack="shop",
        title="A shop",
        streams=(StreamSpec(topic="orders", types=tuple(EventType(type=name) for name in ("order", *others))),),
        measures=measures,
        detectors=tuple(
            DetectorSpec(name=each.name, measure=each.name, kind="threshold", settings={"above": above})
            for each in measures
        ),
    )


def counts(**changes: Any) -> Measure:
    """Late orders a minute, a series for all, explained by warehouse."""
    values: dict[str, Any] = {
        "name": "late",
        "title": "Late orders",
        "of": ("order",),
        "where": ({"field": "late", "equals": True},),
        "aggregate": "distinct",
        "unit": "order",
        "pane": MINUTE,
        "dimensions": ("warehouse",),
    }
    return Measure.model_validate(values | changes)


def numbers(aggregate: str, **changes: Any) -> Measure:
    values: dict[str, Any] = {
        "name": "price", "title": "Price", "of": ("order",), "aggregate": aggregate, "field": "price", "pane": MINUTE,
    }  # fmt: skip
    return Measure.model_validate(values | changes)


class Pipeline:
    """Counters of so many partitions and their combiner. What lies between them is kept as the ledger keeps it."""

    def __init__(self, manifest: PackManifest, stream: StreamSpec, partitions: int = 1) -> None:
        self.manifest, self.stream = manifest, stream
        self.clocks: list[Any] = [PartitionClock().to_doc() for _ in range(partitions)]
        self.keys: list[dict[str, set[str]]] = [{} for _ in range(partitions)]
        self.parts: list[tuple[str, int, str]] = []
        self.docs: dict[str, Any] = {}
        self.ended = [True] * partitions
        self.late = self.keys_refused = 0
        self.told: list[tuple[Any, Any]] = []
        self.restart()

    def restart(self) -> None:
        """Everything in memory is lost."""
        self.counter = Counter(self.manifest, self.stream)
        self.combiner = Combiner(self.manifest, self.stream, "default")
        self.combiner.restore(unpack_doc(pack_doc(self.docs)))

    @property
    def series(self) -> Any:
        return self.combiner.series

    @property
    def reach(self) -> Reach:
        return reach_of(
            [Progress(PartitionClock.from_doc(clock), end) for clock, end in zip(self.clocks, self.ended, strict=True)]
        )

    def floor(self) -> Floor:
        others = max((clock["latest"] for clock in self.clocks if clock["latest"] is not None), default=None)
        others_first = min((clock["first"] for clock in self.clocks if clock["first"] is not None), default=None)
        return Floor(self.combiner.watermark, dict(self.combiner.closed_until), others, others_first)

    def count(self, events: Sequence[Event], partition: int = 0, now: int | None = None) -> list[Refused]:
        """One batch of one partition."""
        clock = PartitionClock.from_doc(self.clocks[partition])
        keys = self.keys[partition]
        counted = self.counter.count(Readings.of(events), clock, self.floor(), keys, now)
        self.clocks[partition] = unpack_doc(pack_doc(counted.clock.to_doc()))
        for name, new in counted.new_keys.items():
            keys.setdefault(name, set()).update(new)
        for (measure, start), parts in counted.parts.items():
            self.parts.append((measure, start, pack_doc({key: pane.snapshot() for key, pane in parts.items()})))
        self.late += counted.late
        self.keys_refused += counted.keys_refused
        return counted.refused

    def close(self, findings: Findings | None = None, until: int | None = None, instants: int = 1 << 62) -> Findings:
        """Combine up to the watermark, or to an instant; at most so many instants."""
        findings = findings if findings is not None else Findings()
        reach = self.reach if until is None else replace(self.reach, watermark=until)
        panes: dict[tuple[str, int], dict[str, Pane]] = {}
        for measure, start, doc in self.parts:
            found = {key: Pane.restore(part) for key, part in unpack_doc(doc).items()}
            merge_parts(panes.setdefault((measure, start), {}), found)
        while instants and self.combiner.step(reach, panes, findings):
            instants -= 1
        closed = self.combiner.closed_until
        self.parts = [part for part in self.parts if part[1] >= closed.get(part[0], part[1])]
        self.docs |= self.combiner.changed_docs()
        return findings


def pipeline(*measures: Measure, partitions: int = 1, **options: Any) -> Pipeline:
    manifest = pack(*(measures or (counts(),)), **options)
    return Pipeline(manifest, manifest.streams[0], partitions)


def event(seconds: float, number: int = 0, **data: Any) -> Event:
    """An order `seconds` after the start."""
    whole = {"order": f"o{number}", "late": True, "warehouse": "W1", "price": 5} | data
    return Event(
        id=f"e{number}", source="/shop", type="order", time=START + int(seconds * 1_000_000),
        data={name: value for name, value in whole.items() if value is not ...},
    )  # fmt: skip


def watched(watch: Watch, key: str = ALL) -> Watched:
    return Watched("t", "late", "late", key, watch)


def run(made: Pipeline, *events: Event, now: int | None = None) -> Findings:
    """One event after the other, each a batch, the partitions in turn; panes are closed behind each."""
    findings = Findings()
    late, refused = made.late, made.keys_refused
    for number, each in enumerate(events):
        assert made.count([each], number % len(made.clocks), now) == []
        made.close(findings)
    findings.late, findings.keys_refused = made.late - late, findings.keys_refused + made.keys_refused - refused
    return findings


def refusal(made: Pipeline, event: Event, now: int | None = None) -> tuple[str, str] | None:
    """Why an event is refused (code, reason), or None."""
    found = made.count([event], now=now)
    return (found[0].code, found[0].reason) if found else None
