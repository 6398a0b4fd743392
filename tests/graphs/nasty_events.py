"""Events as they may come: good ones, odd ones, and bytes that are nearly right."""

import json
import random
from typing import Any

from hypothesis import strategies as st

from graphs.screening import EVENT_MAX_BYTES

NASTY_TEXTS = [
    "",
    "p1",
    "x",
    "xx\n",
    "p\u0000",
    "\x7f",
    "\x9c",
    "ü",
    "\u2028",
    "😀",
    "p" * 7,
    "y" * 1025,
    "1e400",
    "null",
]
NASTY_TIMES = [
    "2023-11-14T22:14:00Z", "2023-11-14t22:14:00z", "2023-11-14 22:14:00+00:00", "2023-11-14T22:14:00.123456789Z",
    "2023-11-14T22:14:00,5Z", "2023-11-14T23:14:00+01:00", "2023-11-14T22:14Z", "2023-11-14", "20231114T221400Z",
    "2023-W46-2T22:14:00Z", "2023-w46-2T22:14:00Z", "2023-11-14T22:14:60Z", "2023-11-14T22:14:00", "now", "",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31T23:59:59Z", "2023-11-14ß22:14:00Z",
    "2023-11-14\n22:14:00Z", "2999-01-01T00:00:00Z", "2023-11-14T22:14:00+00:00:30.5", "٢023-11-14T22:14:00Z",
]  # fmt: skip
SCALARS = st.sampled_from(
    [None, True, False, 0, -1, 1, 3, 1001, 2**53, 2**64, -(10**30), 1.0, 3.0, 0.5, -0.0, 1e300, -1e-9]
)
LEAVES = SCALARS | st.sampled_from(NASTY_TEXTS) | st.sampled_from(NASTY_TIMES) | st.text(max_size=4)
VALUES = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=6,
)
DEEP = [json.loads("[" * depth + "]" * depth) for depth in (62, 63, 64, 70)]
DATA = st.fixed_dictionaries(
    {"pump": st.sampled_from(["p1", "p2", "valve", ""]) | VALUES},
    optional={
        "bar": st.floats(0, 20) | SCALARS | VALUES,
        "note": st.sampled_from(["x", "xxx", "xy", None]) | VALUES,
        "deep": VALUES | st.sampled_from(DEEP),
        "count": st.integers(0, 1100) | SCALARS | VALUES,
        "kind": st.sampled_from(["a", "b", "c", 1, True]),
        "at": st.sampled_from(NASTY_TIMES),
        "list": st.lists(st.integers(0, 5) | SCALARS, max_size=4),
        "extra": VALUES,
        "more": VALUES,
        "": LEAVES,
        'quo"te': LEAVES,
        "ü": LEAVES,
    },
)
GOOD = st.fixed_dictionaries(
    {"pump": st.sampled_from(["p1", "p2"])},
    optional={"bar": st.floats(0, 20), "count": st.integers(0, 9), "extra": st.integers(0, 2), "deep": st.just("no")},
)
ENVELOPE = {"specversion": "1.0", "source": "/plant", "type": "pump.read", "time": "2023-11-14T22:14:00Z"}
ODD = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.sampled_from(["1.0", "0.3", "", 1.0]),
        "id": st.sampled_from([*NASTY_TEXTS, 5, None]),
        "source": st.sampled_from([*NASTY_TEXTS, "/plant", None]),
        "type": st.sampled_from(["valve.read", "other.read", "", "pump.read\n", 7]),
        "time": st.sampled_from([*NASTY_TIMES, 1700000000, None]),
        "datacontenttype": st.sampled_from(
            ["application/json", "application/json; version=2.0", "Application/JSON", "text/plain", "", None, 4]
        ),
        "partitionkey": st.sampled_from([*NASTY_TEXTS, None, 3]),
        "tenant": st.sampled_from(["t", None, 3, "y" * 2000]),
        "causationid": st.sampled_from([*NASTY_TEXTS, None, 3]),
        "correlationid": st.sampled_from([*NASTY_TEXTS, None]),
        "traceparent": st.sampled_from([*NASTY_TEXTS, None]),
        "extension": VALUES,
    },
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Mostly good; or odd in its envelope, its data, its bytes."""
    body: dict[str, Any] = {"id": draw(st.sampled_from(["a", "b", "c", "d"])), **ENVELOPE}
    how = draw(st.sampled_from(["good", "good", "envelope", "data", "bytes", "twice"]))
    body |= draw(ODD) if how == "envelope" else {}
    body["data"] = draw(DATA if how == "data" else GOOD)
    if how == "data":
        body["type"] = draw(st.sampled_from(["pump.read", "valve.read"]))
    items = list(body.items())
    random.Random(draw(st.integers(0, 3))).shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if how == "twice":
        again = json.dumps(draw(st.sampled_from([body["data"], {"pump": "p9"}, {}, 5, None]))).encode()
        name = draw(st.sampled_from([b"data", b"type", b"id", b"time", b"dat\\u0061"]))
        text = text[:-1] + b', "' + name + b'": ' + again + b"}"
    return draw(mangled(text)) if how == "bytes" else text


def mangled(text: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that are nearly right, or that a joined array of payloads would take for right."""
    at = text.index(b'"pump"') + 6
    numbers = [b"1e400", b"9" * 400, b"9" * 5000, b"-0", b"01", b"1.", b"NaN", b"Infinity", b"1E2", b"1e-999", b"tru"]
    fields = [b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\u0000"', b'"a\tb"', b"[" * 3000 + b"]" * 3000, *numbers]
    inside = [text[: text.index(b'"data"')] + b'"data": {"pump": "p1", "more": ' + each + b"}}" for each in fields]
    outside = [text[:-1] + b', "extension": ' + each + b"}" for each in fields]
    whole = [
        text + b"," + text, text + b" ", b"\xef\xbb\xbf" + text, text[:at], text + b"]", b"[" + text + b"]",
        b"1,2", b"", b"null", b"{}", b"x" * (EVENT_MAX_BYTES + 1),
        text.replace(b"p", b"\\u0070"), text.replace(b"p", b"\xc2\x9c"),
        text + b"}", b"{" + text, text.decode().encode("utf-16"), text.ljust(EVENT_MAX_BYTES),
        text.ljust(EVENT_MAX_BYTES + 1),
    ]  # fmt: skip
    return st.sampled_from(inside + outside + whole)
