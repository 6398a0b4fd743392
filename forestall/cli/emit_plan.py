"""What `forestall emit` is to do, from its options and the packs that are given."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from forestall.cli.screen import stderr
from forestall.errors import UsageError

if TYPE_CHECKING:
    from contracts import StreamSpec
    from forestall.packs import Pack
    from triggers.brokers import Broker
    from triggers.emit import Plan


def make_plan(file: Path, mapping: Path | None, topic: str | None, packs: "Sequence[Pack]", *, raw: bool) -> "Plan":
    """Events by `--map`; else the rows as they are, for the stream of a pack that maps them, or for `--topic`.

    Raises:
        UsageError: it is not said what a row becomes, or where it goes.
        PackError, FixFile: the mapping or the file is wrong.
    """
    from forestall.packs import load_mapping
    from triggers.emit import Plan

    streams = [stream for pack in packs for stream in pack.manifest.streams]
    if mapping is not None:
        given = load_mapping(mapping, file)
        plan = Plan(topic or given.topic, given, raw)
        if not raw and any(stream.mapping is not None and stream.reads(plan.topic) for stream in streams):
            fault = f"--map: would publish events to {plan.topic}, whose messages the pack maps itself"
            raise UsageError(fault, "Leave --map out, or publish the rows as they are with --raw.")
        return plan
    mapped = [stream for stream in streams if stream.format == "json" and (topic is None or stream.reads(topic))]
    named = [stream for stream in mapped if topic or stream.topic]
    if len(named) == 1:
        return Plan(topic or named[0].name, named[0].mapping, raw=True)
    if len(named) > 1:
        names = ", ".join(stream.name for stream in named)
        raise UsageError(f"--topic: not given, and the packs map several: {names}", "Say which one with --topic.")
    if raw and topic is not None:
        return Plan(topic, None, raw=True)
    step = "Give --map FILE; or --raw with --topic; or --pack with a pack that maps a JSON topic."
    raise UsageError("what a row becomes is not said", step)


def parse_speed(text: str, plan: "Plan") -> float | None:
    """How much faster than it happened; None for as fast as it goes.

    Raises:
        UsageError: it is neither `max` nor a factor, or nothing tells when a row's event happened.
    """
    if text == "max":
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?x", text) or float(text[:-1]) == 0:
        raise UsageError(f"--speed: {text!r} is no speed", "Write max, or a factor such as 60x or 0.5x.")
    if not plan.timed:
        raise UsageError(
            "--speed: nothing tells when a row's event happened", "Give --map, or --pack with its mapping."
        )
    return float(text[:-1])


async def subscribe(
    broker: "Broker", topic: str, packs: "Sequence[Pack]", names: Sequence[str], *, drops: bool
) -> None:
    """Make sure that what is published from now on is kept for those who are to read it; warn where nobody is.

    `drops`: the broker keeps nothing for readers that come later.
    """
    from graphs import subscription_name

    readers = 0
    for name in names:
        await broker.ensure_subscription(topic, name)
        readers += 1
    for pack in packs:
        for stream in pack.manifest.streams:
            readers += stream.reads(topic)
            for each in _topics(stream, topic):
                await broker.ensure_subscription(each, subscription_name(pack.name, stream.name))
    if not readers and (packs or drops):
        _warn(topic, [stream.name for pack in packs for stream in pack.manifest.streams], drops=drops)


def _topics(stream: "StreamSpec", topic: str) -> list[str]:
    """Of a pattern only this topic can be meant: the others need not exist."""
    if stream.topic is not None:
        return [stream.topic]
    return [topic] if stream.reads(topic) else []


def _warn(topic: str, read: Sequence[str], *, drops: bool) -> None:
    told = f"the packs read {', '.join(read)}" if read else "no pack is given"
    text = f"Warning: {told}, so perhaps nobody reads {topic}."
    if drops:
        text += " Pulsar drops what nobody is subscribed to: give --pack, or --subscription NAME."
    stderr().print(Text(text, "yellow"))
