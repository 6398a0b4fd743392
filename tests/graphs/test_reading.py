"""A batch at once and message by message: both say the same of everything that can come."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from contracts import MINUTE, SECOND, DetectorSpec, Event, EventType, Measure, PackManifest, StreamSpec, encode_event
from graphs.fast_path import EnvelopeWay, _instant, instants
from graphs.reading import BatchReader, heard
from graphs.schema_types import Untranslatable, object_types
from graphs.screening import Incoming, Screen
from graphs.sifting import sift
from graphs.wire_forms import MAX_FIELDS, Form, PlainForm, TypedForm
from tests.graphs.both_ways import exactly, one_by_one, told
from tests.graphs.nasty_events import NASTY_TIMES, payloads
from tests.graphs.plant import START

NOW = START + 60 * MINUTE
FIELDS = ("pump", "bar", "note", "deep", "count", "kind", "at", "list", "extra")

PUMP = {
    "type": "object",
    "required": ["pump"],
    "properties": {
        "pump": {"type": "string", "minLength": 1, "maxLength": 6},
        "bar": {"type": "number", "minimum": 0, "description": "pressure"},
        "note": {"type": ["string", "null"]},
        "count": {"type": "integer", "maximum": 1000},
        "kind": {"enum": ["a", "b"]},
        "at": {"type": "string", "format": "date-time"},
        "list": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
}
VALVE = {"required": ["pump", "deep"], "properties": {"deep": {}, "note": {"type": "string", "pattern": "^x+$"}}}
CLOSED = PUMP | {"additionalProperties": False}
DEFAULTS = {"type": "object", "properties": {"bar": {"type": "number", "default": 7}, "deep": {"type": "object"}}}


def stream(*data: dict[str, Any], **more: Any) -> StreamSpec:
    names = ("pump.read", "valve.read")
    types = tuple(EventType(type=name, data=each) for name, each in zip(names, data, strict=False))
    return StreamSpec(topic="pumps", types=types, **more)


STREAMS = {
    "alike": stream(PUMP, PUMP),
    "different": stream(PUMP, VALVE),
    "anything": stream({}),
    "ignoring": stream(PUMP, others="ignore"),
    "closed": stream(CLOSED, VALVE),
    "defaults": stream(DEFAULTS, PUMP),
    "kept": stream(PUMP, VALVE, keep=[{"field": "pump", "prefix": "p"}]),
    "published": stream(PUMP, VALVE, keep=[{"field": "pump", "prefix": "p"}], processed="done"),
    "enriched": stream(DEFAULTS, VALVE, enrich=[{"set": "kind", "to": "b"}], processed="done"),
}


@pytest.fixture(autouse=True, scope="module")
def small_slices() -> Iterator[None]:
    """A few events make several slices, too, and their times are read at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("graphs.fast_path.SLICE", 3)
        patch.setattr("graphs.fast_path.FEW", 0)
        yield


def manifest(of: StreamSpec, *, deaf: bool = False) -> PackManifest:
    """With a measure of every type; `deaf`: of the first alone."""
    pressure = Measure(name="pressure", title="Pressure", of=("pump.read",), aggregate="mean", field="bar",
                       key="pump", where=[{"field": "extra", "equals": 1}])  # fmt: skip
    others = [each.type for each in of.types[1:]] if not deaf else []
    return PackManifest(
        pack="plant",
        title="A pump",
        streams=(of,),
        measures=(pressure, *(Measure(name="more", title="More", of=(name,)) for name in others)),
        detectors=(DetectorSpec(name="burst", measure="pressure", kind="threshold", settings={"above": 10}),),
    )  # fmt: skip


def readers(name: str) -> tuple[Screen, BatchReader]:
    of = STREAMS[name]
    return Screen(of, "default"), BatchReader(Screen(of, "default"), manifest(of), of)


@settings(max_examples=250, deadline=None)
@given(
    name=st.sampled_from(sorted(STREAMS)), batches=st.lists(st.lists(payloads(), max_size=6), min_size=1, max_size=3)
)
def test_both_ways_say_the_same(name: str, batches: list[list[bytes]]) -> None:
    """Several batches, since what is learned from one changes how the next is read."""
    screen, reader = readers(name)
    for batch in batches:
        messages = [Incoming("pumps", str(place), payload) for place, payload in enumerate(batch)]
        screened = reader.read(messages, NOW)
        said = one_by_one(screen, messages, NOW, FIELDS)
        event(f"{name}: accepted {len(said['rows'])} of {len(messages)}")
        whole = STREAMS[name].processed is not None
        assert exactly(told(screened, FIELDS), whole=whole) == exactly(said, whole=whole)


def form_of(reader: BatchReader) -> Form | None:
    return reader._way._form if isinstance(reader._way, EnvelopeWay) else None


def reading(number: int, **data: Any) -> bytes:
    made = {"pump": "p1", "bar": 4.0} | data
    return encode_event(
        Event(id=str(number), source="/plant", type="pump.read", time=START + number * SECOND, data=made)
    )


NEARLY = [
    "2024-02-29T23:59:59Z", "2023-02-29T00:00:00Z", "2023-11-14T24:00:00Z", "2023-00-14T22:14:00Z",
    "2023-13-14T22:14:00Z", "2023-11-31T22:14:00Z", "2023-11-00T22:14:00Z", "0000-01-01T00:00:00Z",
    "2023-11-14T22:14:0/Z", "2023-11-14T22:14:0:Z", "2023-11-14T22:14:00z",
]  # fmt: skip
WRITTEN = st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20))


@given(st.lists(st.sampled_from(NASTY_TIMES + NEARLY) | WRITTEN, min_size=1, max_size=4))
def test_times_at_once_are_those_one_by_one(texts: list[str]) -> None:
    assert instants(texts) == [_instant(text) for text in texts]
    usual = [text for text in texts if len(text) == 20]
    assert instants(usual) == [_instant(text) for text in usual]


class Strict(Screen):
    """A screen that must not be asked."""

    def read(self, message: Incoming, now: int) -> Any:
        raise AssertionError(f"asked for {message.payload!r} at {now}")


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_plain_events_never_take_the_slow_way(name: str) -> None:
    reader = BatchReader(Strict(STREAMS[name], "default"), manifest(STREAMS[name]), STREAMS[name])
    batch = [Incoming("pumps", str(number), reading(number)) for number in range(100)]
    screened = reader.read(batch, NOW)
    assert screened.readings.times == [START + number * SECOND for number in range(100)]
    assert screened.readings.fields(["bar", "pump"])(screened.readings.data[7]) == (4.0, "p1")


def test_a_field_that_nobody_declared_is_learned() -> None:
    screen, reader = readers("alike")
    batch = [Incoming("pumps", str(number), reading(number, new=number)) for number in range(3)]
    first = reader.read(batch, NOW)
    assert [first.readings.fields(["new"])(data) for data in first.readings.data] == [(0,), (1,), (2,)]
    reader._screen = Strict(STREAMS["alike"], "default")
    again = reader.read(batch, NOW)
    assert [again.readings.fields(["new", "bar"])(data) for data in again.readings.data] == [
        (0, 4.0),
        (1, 4.0),
        (2, 4.0),
    ]
    reader._screen = screen
    wide = [Incoming("pumps", "1", reading(1, **{f"x{number}": 1})) for number in range(2 * MAX_FIELDS)]
    assert len(reader.read(wide, NOW).places) == 2 * MAX_FIELDS
    form = form_of(reader)
    assert isinstance(form, TypedForm)
    assert len(form._attributes) <= MAX_FIELDS + len(PUMP["properties"]) + 1


def test_only_what_is_needed_of_a_message_is_touched() -> None:
    _, reader = readers("alike")
    payloads = [reading(1), reading(2), b"no json"]
    touched: list[int] = []

    class Lazy(list[Incoming]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: Any) -> Any:
            touched.append(place)
            return Incoming("pumps", str(place), payloads[place])

    screened = reader.read(Lazy(), NOW, payloads)
    assert (touched, len(screened.places), [each.code for each in screened.dead]) == ([2], 2, ["malformed"])


def test_streams_that_publish_keep_whole_events() -> None:
    _, reader = readers("published")
    batch = [Incoming("pumps", str(number), reading(number, pump=f"{'pq'[number % 2]}1")) for number in range(4)]
    screened = reader.read(batch, NOW)
    assert ([each.id for each in screened.events], screened.filtered) == (["0", "2"], 2)
    for name in ("alike", "kept"):
        _, reader = readers(name)
        assert reader.read(batch, NOW).events == []


def test_which_form_a_stream_has() -> None:
    forms = {name: type(form_of(readers(name)[1])) for name in STREAMS}
    typed = dict.fromkeys(("alike", "different", "anything", "ignoring"), TypedForm)
    assert forms == typed | {
        "closed": PlainForm,
        "defaults": PlainForm,
        **dict.fromkeys(("kept", "published", "enriched"), type(None)),
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"}, {"additionalProperties": False}, {"minProperties": 1}, {"$ref": "#/x"},
        {"properties": {"a": {"minLength": 1}}}, {"properties": {"a": False}}, {"properties": {"a": {"const": 1}}},
        {"properties": {"a": {"type": "number", "multipleOf": 2}}},
        {"properties": {"a": {"type": "number", "minimum": 0.5}}},
        {"properties": {"a": {"type": "string", "format": "email"}}}, {"properties": {"a": {"enum": [1]}}},
        {"properties": {"a": {"type": "string", "format": "date", "pattern": "x"}}},
        {"properties": {"a": {"type": "object", "required": ["b"]}}},
        {"properties": {"a": {"type": "string", "default": ""}}},
        {"properties": {"a": {"type": "string", "minLength": -1}}}, {"properties": {"a": {"type": []}}},
        {"properties": {"a": {"type": "string", "minimum": 1}}},
    ],
)  # fmt: skip
def test_schemas_that_say_more_than_types(schema: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable):
        object_types(schema)


def test_the_fields_that_are_wanted() -> None:
    of = STREAMS["alike"]
    assert heard(manifest(of), of) == (["pump", "bar", "extra"], {"pump.read", "valve.read"})


def test_what_nobody_looks_at_is_read_and_not_kept() -> None:
    """All is said of it but its data; and what is wrong with it is found as ever."""
    of = STREAMS["alike"]
    screen, reader = Screen(of, "default"), BatchReader(Screen(of, "default"), manifest(of, deaf=True), of)
    bodies = [reading(number) for number in range(4)] + [
        reading(number).replace(b"pump.r", b"valve.r") for number in (4, 5)
    ]
    bodies += [bodies[4].replace(b'"p1"', b"7")]
    messages = [Incoming("pumps", str(place), payload) for place, payload in enumerate(bodies)]
    found, said = reader.read(messages, NOW), one_by_one(screen, messages, NOW, FIELDS)
    rows = said["rows"]
    assert [found.readings.types, found.readings.ids] == [[row[3] for row in rows], [row[1] for row in rows]]
    assert list(found.identities) == [row[6] for row in rows]
    assert [data is None for data in found.readings.data] == [kind == "valve.read" for kind in found.readings.types]
    assert [letter.message_id for letter in found.dead] == [letter.message_id for letter in said["dead"]] == ["6"]


def test_sifting() -> None:
    _, reader = readers("alike")
    bodies = [reading(1), reading(2), reading(1), reading(2, bar=5.0), reading(3), reading(4)]
    batch = [Incoming("pumps", str(place), payload) for place, payload in enumerate(bodies)]
    screened = reader.read(batch, NOW)
    found = sift(screened, {}, batch, NOW)
    assert (found.fresh, found.duplicates) == ([0, 1, 4, 5], 1)
    (letter,) = found.dead
    assert (letter.code, letter.message_id) == ("id_reused", "3")
    assert letter.reason == "id reused: '2' of /plant came before with other content"
    known = {4: screened.digests[4], 5: screened.digests[0]}
    found = sift(screened, known, batch, NOW)
    assert (found.fresh, found.duplicates, [each.message_id for each in found.dead]) == ([0, 1], 2, ["3", "5"])
    alone = reader.read(batch[4:], NOW)
    assert sift(alone, {0: alone.digests[0]}, batch[4:], NOW).fresh == [1]
    assert list(sift(alone, {}, batch[4:], NOW).fresh) == [0, 1]
