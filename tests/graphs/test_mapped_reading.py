"""Mapped JSON, a batch at once and message by message: both say the same of everything that can come."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from agents.mapping import Fault
from contracts import DAY, HOUR, SECOND, DetectorSpec, Measure, PackManifest, StreamSpec
from graphs.mapped_way import MappedWay
from graphs.reading import BatchReader
from graphs.screening import EVENT_MAX_BYTES, Incoming, Screen
from tests.graphs.both_ways import exactly, one_by_one, told
from tests.graphs.nasty_documents import FITTING, batches
from tests.graphs.nasty_documents import WRITTEN as WRITTEN_TIMES

NOW = 1_600_000_000 * SECOND
FIELDS = ("no", "quantity", "amount", "price", "gift", "country", "depot", "channel", "none")
MAPPED: dict[str, Any] = {
    "type": {
        "cases": [
            {"when": {"field": "no", "prefix": "C"}, "type": "order.cancelled"},
            {"when": {"field": "customer.country", "equals": ""}, "type": "order.lost"},
        ],
        "default": "order.placed",
    },
    "time": {"column": "at", "zone": "Europe/London"},
    "key": "no",
    "fields": {
        "no": "no",
        "quantity": {"from": "quantity", "type": "integer", "optional": True},
        "amount": {"from": "amount", "type": "number", "optional": True},
        "price": {"from": "price", "type": "decimal"},
        "gift": {"from": "gift", "type": "boolean", "optional": True},
        "country": {"from": "customer.country", "optional": True},
    },
}
WRITTEN = [
    {"type": "order.placed", "data": {"properties": {"price": {"pattern": "^[0-9]"}, "none": {"default": 7}}}},
    {"type": "order.cancelled", "data": {"required": ["country"]}},
]
KEEP = [{"field": "country", "one_of": ["Leeds", "Derby", 1]}]
TOWNS = {"Leeds": {"name": "North", "size": 3}, "1": {"name": None, "size": 1.5}, "true": {"name": "T", "size": True}}
TAKE = {"table": "t.csv", "on": "country", "match": "town", "take": {"depot": "name"}, "rows": TOWNS}


def stream(more: dict[str, Any] | None = None, **mapping: Any) -> StreamSpec:
    return StreamSpec.model_validate({"topic": "shop", "mapping": MAPPED | mapping, **(more or {})})


def time(**spec: Any) -> StreamSpec:
    return stream(time={"column": "at"} | spec)


STREAMS = {
    "plain": stream(),
    "named": stream(source="/shop", id="{no}-%{lines.0.article}-{quantity}"),
    "nested": stream(id="{lines.1}", key="customer.no", fields={"no": "customer.no", "price": "lines.0.article"}),
    "texts": stream(fields=dict.fromkeys(("no", "quantity", "amount"), "amount") | {"gift": "gift"}),
    "published at": stream(time={"publish": True}),
    "seconds": time(format="epoch_s"),
    "milliseconds": time(format="epoch_ms"),
    "written day first": time(
        format="%d/%m/%Y %H:%M", zone="America/New_York", ambiguous="refuse", nonexistent="shift"
    ),
    "written together": time(format="%Y%m%d%H%M%S.%f", zone="+05:30"),
    "later": time(zone="America/New_York", ambiguous="later"),
    "without a zone": time(),
    "types": stream({"types": WRITTEN}),
    "ignoring": stream({"types": WRITTEN[:1], "others": "ignore"}),
    "kept": stream({"keep": KEEP}),
    "enriched": stream({"keep": KEEP, "enrich": [TAKE | {"missing": "?"}, {"set": "channel", "to": "web"}]}),
    "set anew": stream({"enrich": [{"set": "depot", "to": 1.0}, TAKE, {"set": "country", "to": "GB"}]}),
    "by number": stream({"enrich": [TAKE | {"on": "gift", "take": {"country": "size"}}, TAKE]}),
    "published": stream({"enrich": [TAKE, {"set": "channel", "to": "web"}], "processed": "done"}),
    "set anew and published": stream({"enrich": [TAKE | {"take": {"gift": "size"}}], "processed": "done"}),
}


def readers(of: StreamSpec, screen: type[Screen] = Screen) -> tuple[Screen, BatchReader]:
    manifest = PackManifest(
        pack="shop",
        title="A shop",
        streams=(of,),
        measures=(Measure(name="orders", title="Orders", of=(of.types[0].type,), aggregate="count"),),
        detectors=(DetectorSpec(name="spike", measure="orders", kind="count"),),
    )
    return Screen(of, "default"), BatchReader(screen(of, "default"), manifest, of)


def incoming(batch: list[bytes], topics: tuple[str, ...] = ("shop",)) -> list[Incoming]:
    made = []
    for place, body in enumerate(batch):
        number = place % len(topics)
        made.append(Incoming(topics[number], f"7:{place}", body, number, None if place == 3 else NOW - place))
    return made


def batch_of(name: str) -> st.SearchStrategy[tuple[str, list[bytes]]]:
    return st.tuples(st.just(name), batches(FITTING.get(name, WRITTEN_TIMES)))


@settings(max_examples=600, deadline=None)
@given(given=st.sampled_from(sorted(STREAMS)).flatmap(batch_of), topics=st.sampled_from([("shop",), ("a", "b\n", "a")]))
def test_both_ways_say_the_same(given: tuple[str, list[bytes]], topics: tuple[str, ...]) -> None:
    name, batch = given
    screen, reader = readers(STREAMS[name])
    messages = incoming(batch, topics)
    said = one_by_one(screen, messages, NOW, FIELDS)
    event(f"{name}: accepted {len(said['rows'])} of {len(messages)}")
    whole = STREAMS[name].processed is not None
    assert exactly(told(reader.read(messages, NOW), FIELDS), whole=whole) == exactly(said, whole=whole)


@settings(max_examples=100, deadline=None)
@given(batch=batches())
def test_both_ways_say_the_same_of_decoded_documents(batch: list[bytes]) -> None:
    """As they come of Avro: floats, bytes, and faults in the place of a document."""
    screen, reader = readers(stream({"format": "avro"}))
    decoded = [
        Incoming("shop", str(place), b"\x02" + body, document=_decoded(body)) for place, body in enumerate(batch)
    ]
    said = one_by_one(screen, decoded, NOW, FIELDS)
    assert exactly(told(reader.read(decoded, NOW), FIELDS)) == exactly(said)


def _decoded(payload: bytes) -> Any:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return Fault(None, None, "cannot be decoded", "schema")
    return document if isinstance(document, dict) else Fault(None, None, "no record", "schema")


class Strict(Screen):
    """A screen that must not be asked."""

    def read(self, message: Incoming, now: int) -> Any:
        raise AssertionError(f"asked for {message.payload!r} at {now}")


ENCODER = msgspec.json.Encoder(decimal_format="number")
AT = {
    "seconds": 1_290_000_000.25,
    "milliseconds": "1290000000000",
    "written day first": "01/12/2010 08:26",
    "written together": "20101201082600.250000",
    "without a zone": "2010-12-01T08:26:00.250+01:00",
}


def plain(number: int, name: str) -> bytes:
    body = {
        "no": f"C{number}", "quantity": number, "amount": number / 4, "price": Decimal(number) / 100, "gift": True,
        "customer": {"country": "Leeds", "no": number}, "lines": [{"article": f"ü{number}"}, number],
        "at": AT.get(name, "2010-12-01 08:26:00"), "other": [1.5, None, {"a": "\\"}],
    }  # fmt: skip
    return ENCODER.encode(body)


@pytest.mark.parametrize("name", sorted(set(STREAMS) - {"set anew and published"}))
def test_plain_documents_never_take_the_slow_way(name: str) -> None:
    screen, reader = readers(STREAMS[name], Strict)
    messages = [Incoming("shop", str(number), plain(number, name), publish_time=NOW) for number in range(100)]
    screened = reader.read(messages, NOW)
    assert len(screened.places) == (0 if name == "ignoring" else 100)
    assert screened.ignored == 100 - len(screened.places)
    said = one_by_one(screen, messages, NOW, FIELDS)
    assert exactly(told(screened, FIELDS), whole=bool(screened.events)) == exactly(said, whole=bool(screened.events))


def test_a_bad_message_does_not_take_the_others_with_it() -> None:
    _, reader = readers(STREAMS["plain"])
    asked: list[str] = []

    class Asked(Screen):
        def read(self, message: Incoming, now: int) -> Any:
            asked.append(message.message_id)
            return super().read(message, now)

    reader._screen = Asked(STREAMS["plain"], "default")
    bodies = [plain(number, "plain") for number in range(8)]
    bodies[2], bodies[4] = b"no json", bodies[4].replace(b"2010-12-01", b"2010-10-31").replace(b"08:26", b"01:26")
    bodies[5], bodies[6] = b"[]", bodies[6].replace(b'"C6"', b"null")
    screened = reader.read([Incoming("shop", str(place), body) for place, body in enumerate(bodies)], NOW)
    assert asked == ["2", "5", "6"]
    assert screened.readings.times[3] == screened.readings.times[2] - 31 * DAY - 8 * HOUR
    assert (screened.places, [each.message_id for each in screened.dead]) == ([0, 1, 3, 4, 7], ["2", "5", "6"])


def test_a_message_that_is_too_large_is_left_to_the_screen() -> None:
    _, reader = readers(STREAMS["plain"])
    bodies = [plain(1, "plain").ljust(size) for size in (EVENT_MAX_BYTES, EVENT_MAX_BYTES + 1)]
    screened = reader.read(incoming(bodies), NOW)
    assert (screened.places, [each.code for each in screened.dead]) == ([0], ["too_large"])


def test_what_publishes_fields_that_are_set_anew_is_read_singly() -> None:
    assert not MappedWay.goes(STREAMS["set anew and published"])
    assert MappedWay.goes(STREAMS["set anew"])
    assert MappedWay.goes(STREAMS["published"])


def test_only_what_is_needed_of_a_message_is_touched() -> None:
    """The broker's own messages serve where they are at hand, without an `Incoming` for each."""
    _, reader = readers(STREAMS["plain"])
    bodies = [plain(1, "plain"), plain(2, "plain"), b"no json"]
    touched: list[int] = []

    class Lazy(list[Incoming]):
        arrived = [Incoming("shop", str(place), b"") for place in range(3)]  # noqa: RUF012

        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: Any) -> Any:
            touched.append(place)
            return Incoming("shop", str(place), bodies[place])

    screened = reader.read(Lazy(), NOW, bodies)
    assert (touched, screened.readings.ids) == ([2], ["shop#0:0", "shop#0:1"])
