"""Which history is meant: a file, or what the broker keeps of topics."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts import EventMapping, PackManifest, StreamSpec
from forestall.backtest.files import EventLines, MappedRows
from forestall.backtest.recorded import History
from forestall.backtest.topics import TopicHistory
from forestall.errors import InputError, UsageError
from triggers.brokers import Broker

PULSAR, TOPIC = "pulsar", "topic"


@dataclass(frozen=True, slots=True)
class TopicSource:
    """Topics of the broker: `name`, or the pack's own streams. `pulsar`: only Pulsar is meant."""

    name: str | None = None
    pulsar: bool = False


Source = Path | TopicSource


def parse_source(text: str) -> Source:
    """`pulsar`, `topic`, `topic:NAME`, or the path of a file (`./pulsar` is one, too).

    Raises:
        UsageError: `topic:` names none.
    """
    if text in (PULSAR, TOPIC):
        return TopicSource(pulsar=text == PULSAR)
    if text.startswith(f"{TOPIC}:"):
        name = text.removeprefix(f"{TOPIC}:")
        if not name:
            raise UsageError("--from topic: names no topic", "Write topic:NAME, or topic for the pack's own.")
        return TopicSource(name)
    return Path(text)


def file_history(
    path: Path, manifest: PackManifest, mapping: EventMapping | None, topic: str | None, tenant: str
) -> History:
    """The history in a file: events, or rows that `mapping` (else the pack's own stream's) makes into events.

    Args:
        topic: what the mapping's file says the rows are for.

    Raises:
        UsageError, InputError: the file, the mapping and the pack do not go together; the message says why.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "Correct the path; topics are named topic:NAME.")
    if mapping is not None:
        return MappedRows(path, mapping, _played(manifest, topic), tenant)
    mapped = [stream for stream in manifest.streams if stream.mapping is not None]
    if len(mapped) > 1:
        names = ", ".join(stream.name for stream in mapped)
        raise UsageError(f"{path}: rows of which stream? {names}", "Say by --map how its rows become events.")
    if mapped and mapped[0].mapping is not None:
        return MappedRows(path, mapped[0].mapping, _name_for(mapped[0]), tenant)
    if ".csv" in path.suffixes:
        raise UsageError(f"{path}: a table holds no events", "Say by --map how its rows become events.")
    if ".jsonl" not in path.suffixes:
        raise InputError(f"{path}: unknown format; the name must end in .csv, .csv.gz, .jsonl or .jsonl.gz")
    return EventLines(path, manifest)


def _played(manifest: PackManifest, topic: str | None) -> str:
    """The pack's topic for rows that are for `topic`."""
    if topic is not None and (found := _stream_of(manifest, topic)) is not None:
        return topic if found.topics else _name_for(found)
    if len(manifest.streams) == 1:
        return _name_for(manifest.streams[0])
    names = ", ".join(stream.name for stream in manifest.streams)
    raise UsageError(f"--map: topic: {topic!r} is no stream of the pack {manifest.pack}; it has {names}")


def _stream_of(manifest: PackManifest, topic: str) -> StreamSpec | None:
    return next((stream for stream in manifest.streams if stream.reads(topic)), None)


def _name_for(stream: StreamSpec) -> str:
    """A topic of the stream; of a pattern that no plain name fits, none can be made up."""
    if stream.topic is not None:
        return stream.topic
    plain = (stream.topics or "").replace("\\.", ".").replace(".*", "rows").replace(".+", "rows")
    if re.fullmatch(stream.topics or "", plain):
        return plain
    raise UsageError(
        f"topics: {stream.topics}: a file's rows need a topic that fits", "Name one as topic in a --map file."
    )


async def topic_history(
    broker: Broker,
    source: TopicSource,
    manifest: PackManifest,
    *,
    since: int | None,
    until: int | None,
    tenant: str,
) -> History:
    """The history of topics, by the time at which messages were published.

    Raises:
        UsageError: the topic belongs to no stream of the pack.
        InputError: no topic fits a stream's pattern.
        BrokerError: see `Broker`.
    """
    topics = await _own(broker, manifest) if source.name is None else [_named(source.name, manifest)]
    return TopicHistory(broker, topics, since=since, until=until, tenant=tenant)


async def _own(broker: Broker, manifest: PackManifest) -> Sequence[tuple[str, StreamSpec, str]]:
    found: list[tuple[str, StreamSpec, str]] = []
    for stream in manifest.streams:
        if stream.topic is not None:
            found.append((stream.topic, stream, stream.topic))
            continue
        matching = await broker.matching(stream.topics or "")
        if not matching:
            raise InputError(f"topics: {stream.topics}: no topic of the broker fits", "Check the broker and the pack.")
        found += [(topic, stream, topic) for topic in matching]
    return found


def _named(name: str, manifest: PackManifest) -> tuple[str, StreamSpec, str]:
    stream = _stream_of(manifest, name)
    if stream is not None:
        return name, stream, name
    if len(manifest.streams) == 1 and manifest.streams[0].topic is not None:
        return name, manifest.streams[0], manifest.streams[0].topic
    names = ", ".join(stream.name for stream in manifest.streams)
    raise UsageError(f"--from topic:{name}: is no stream of the pack {manifest.pack}; it has {names}")
