"""A small pack to monitor, and events for it."""

from typing import Any

from agents.monitoring import ALL, Findings, Monitor, Watch, Watched
from contracts import (
    MINUTE,
    DetectorSpec,
    Event,
    EventType,
    Measure,
    PackManifest,
    StreamSpec,
)

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


def monitor(*measures: Measure, **options: Any) -> Monitor:
    manifest = pack(*(measures or (counts(),)), **options)
    return Monitor(manifest, manifest.streams[0], "default")


def event(seconds: float, number: int = 0, **data: Any) -> Event:
    """An order `seconds` after the start."""
    whole = {"order": f"o{number}", "late": True, "warehouse": "W1", "price": 5} | data
    return Event(
        id=f"e{number}", source="/shop", type="order", time=START + int(seconds * 1_000_000),
        data={name: value for name, value in whole.items() if value is not ...},
    )  # fmt: skip


def watched(watch: Watch, key: str = ALL) -> Watched:
    return Watched("t", "late", "late", key, watch)


def run(made: Monitor, *events: Event) -> Findings:
    findings = Findings()
    for each in events:
        made.check(each)
        made.observe(each, findings)
    return findings
