"""Documents as they may come on a mapped topic: good ones, odd ones, and bytes that are nearly right.

A batch has a mood for each field, so that columns of one kind come as well as mixed ones.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from graphs.screening import EVENT_MAX_BYTES
from tests.graphs.nasty_events import NASTY_TIMES, VALUES

ABSENT: Any = object()
TEXTS = st.sampled_from(["", "C1", "Cü", "17", "a b", "x\ny", "\x7f", "\u2028", "😀", "y" * 1025, "true", "%s", "{no}"])
NUMERALS = st.sampled_from(
    ["0", "-0", "007", "+5", " 12 ", "1_000", "٣", "2.50", "2.", ".5", ".", "-", "--5", "1.2.3", "1e3", "1E-07",
     "1e-400", "1e400", "nan", "inf", "9" * 15, "9" * 18, "9" * 19, "0" * 20 + "1", "9" * 40, "1." + "0" * 40,
     "9" * 400, "12\n"]
)  # fmt: skip
INTEGERS = st.integers(-20, 20) | st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**63, 2**64, 10**30, -(10**400)])
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 12.10, 1e-7, 1e22, 5e-324])
DECIMALS = st.decimals(-1000, 1000, places=2).map(str)
MOODS = st.sampled_from(
    [
        st.integers(-9, 99), st.integers(-9, 99).map(str), DECIMALS, st.floats(-99, 99).map(lambda x: round(x, 2)),
        FLOATS, INTEGERS, NUMERALS, st.integers(0, 9) | st.floats(0, 9), st.booleans(), TEXTS,
        st.sampled_from(["yes", "No", "true", "1", "perhaps"]), st.sampled_from(["C1", "C2", "D1"]),
        st.sampled_from(["Leeds", "Derby"]), st.sampled_from(["1", 1, 1.0, True, "true", "1.0"]), VALUES,
        st.just(None), st.just(ABSENT), st.integers(0, 9) | st.just(None),
        st.sampled_from(["a", "ü"]) | st.just(ABSENT),
    ]
)  # fmt: skip
USUAL = {
    "no": st.sampled_from(["C1", "D2"]) | st.integers(1, 9),
    "quantity": st.integers(0, 9),
    "amount": st.floats(0, 99),
    "price": DECIMALS,
    "gift": st.booleans(),
    "country": st.sampled_from(["Leeds", "Derby"]),
}
CHANGES = [datetime(2010, 10, 31), datetime(2011, 3, 27), datetime(2010, 11, 7), datetime(2011, 3, 13)]  # noqa: DTZ001
LOCAL = st.datetimes(max_value=datetime(2023, 1, 1)) | st.builds(  # noqa: DTZ001
    lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(0, 240)
)
FORMS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%Y%m%d%H%M%S.%f", "%Y-%m-%d"]
ENDS = ["", "Z", "+01:00", "-05:30", "+00:00", ".5", ".250", ".123456", ".250Z", ".123456-00:00", "+24:00", "z"]
EPOCHS = st.integers(1_290_000_000, 1_700_000_000)
TIME_MOODS = st.one_of(
    st.builds(
        lambda form, end: LOCAL.map(lambda at: at.strftime(form).zfill(len(at.strftime(form))) + end),
        st.sampled_from(FORMS),
        st.sampled_from(ENDS),
    ),
    st.sampled_from(
        [
            EPOCHS, EPOCHS.map(lambda at: at * 1000), EPOCHS.map(str), EPOCHS.map(lambda at: at + 0.25),
            EPOCHS.map(lambda at: f"{at}.123456"), EPOCHS.map(lambda at: at + 0.1234567),
            st.sampled_from(NASTY_TIMES), st.sampled_from([".5", "5.", "1e9", " 1290000000 ", "9" * 20, 10**30, -5]),
            st.just(True), VALUES, st.just(None), st.builds(str, LOCAL), st.builds(datetime.isoformat, LOCAL),
        ]
    ),
)  # fmt: skip


FITTING = {
    "seconds": EPOCHS | EPOCHS.map(lambda at: at + 0.25) | EPOCHS.map(lambda at: f"{at}.1234567"),
    "milliseconds": EPOCHS.map(lambda at: at * 1000) | EPOCHS.map(lambda at: f"{at}000"),
    "written day first": LOCAL.map(lambda at: at.strftime("%d/%m/") + f"{at.year:04} {at.hour:02}:{at.minute:02}"),
    "written together": LOCAL.map(lambda at: f"{at.year:04}" + at.strftime("%m%d%H%M%S.%f")),
    "without a zone": LOCAL.map(lambda at: at.isoformat() + "+02:00"),
}
"""Times of the forms that those streams declare; the others' are local."""
WRITTEN = LOCAL.map(lambda at: at.isoformat(" ", "seconds"))


@st.composite
def batches(draw: st.DrawFn, fitting: st.SearchStrategy[Any] = WRITTEN) -> list[bytes]:
    """Of one mood, and a few messages of none. `fitting`: times that the stream reads."""
    fields = dict(USUAL)
    for name in draw(st.lists(st.sampled_from(sorted(USUAL)), max_size=2, unique=True)):
        fields[name] = draw(MOODS)
    times = draw(TIME_MOODS) if draw(st.integers(0, 3)) == 0 else fitting
    bodies = []
    for _ in range(draw(st.integers(1, 6))):
        body = {name: draw(strategy) for name, strategy in fields.items()} | {"at": draw(times)}
        bodies.append(draw(payloads({name: value for name, value in body.items() if value is not ABSENT})))
    return bodies


@st.composite
def payloads(draw: st.DrawFn, body: dict[str, Any]) -> bytes:
    """The document, with its values where each path of `MAPPED` looks; sometimes odd."""
    how = draw(st.sampled_from(["good"] * 6 + ["nested", "twice", "bytes"]))
    whole: dict[str, Any] = body | {
        "customer": {"country": body.get("country"), "no": body.get("no")},
        "lines": [{"article": body.get("price")}, body.get("no")],
    }
    if how == "nested":
        whole |= draw(
            st.sampled_from(
                [
                    {"customer": None}, {"customer": 5}, {"customer": []}, {"lines": {}},
                    {"lines": {"0": {"article": 7}}}, {"customer.country": "York"}, {"customer.country": None},
                    {"lines.0.article": 3}, {"lines": []},
                ]
            )
        )  # fmt: skip
    text = json.dumps(whole, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if how == "twice":
        name = draw(st.sampled_from([b"no", b"at", b"price", b"customer", b"n\\u006f"]))
        value = draw(st.sampled_from([b"5", b"null", b'"C9"', b"{}", b"[]"]))
        text = text[:-1] + b', "' + name + b'": ' + value + b"}"
    return draw(mangled(text)) if how == "bytes" else text


def mangled(text: bytes) -> st.SearchStrategy[bytes]:
    """Nearly right."""
    odd = [
        b"1e400", b"1e-400", b"1E99999999999999999999", b"9" * 400, b"9" * 5000, b"-0", b"-0.0", b"01", b"1.", b"NaN",
        b"Infinity", b"12.10", b"0.00000001", b"1E2", b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\u0000"',
        b'"a\tb"', b"[" * 3000 + b"]" * 3000,
    ]  # fmt: skip
    inside = [text[:-1] + b', "' + name + b'": ' + each + b"}" for each in odd for name in (b"amount", b"other")]
    whole = [
        text + b"," + text, text + b" ", b"\xef\xbb\xbf" + text, text[:-1], text + b"]", b"[" + text + b"]", b"1,2",
        b"", b"null", b"{}", b"5", text.decode(errors="replace").encode("utf-16"), text.ljust(EVENT_MAX_BYTES),
        text.ljust(EVENT_MAX_BYTES + 1),
    ]  # fmt: skip
    return st.sampled_from(inside + whole)
