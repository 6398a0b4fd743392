"""Watches: a pure function of the judged panes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.monitoring import Judged, Notice, Watch, notices, still_wrong

WIDTH = 10
STATES = {"n": "normal", "a": "anomalous", "l": "learning"}


def panes(states: str, value: float | None = 1.0) -> list[Judged]:
    """A pane a letter."""
    return [
        Judged(place * WIDTH, (place + 1) * WIDTH, value, 0.5, 0.1, STATES[letter])
        for place, letter in enumerate(states)
    ]


def said(states: str, **watch: int | None) -> list[tuple[str, int]]:
    values = {"since": 0, "panes": 2} | watch
    return [(each.kind, each.at) for each in notices(Watch.model_validate(values), panes(states))]


@pytest.mark.parametrize(
    ("states", "watch", "expected"),
    [
        ("", {}, []),
        ("", {"until": 0}, []),
        ("aan", {}, []),
        ("aann", {}, [("recovered", 40)]),
        ("aannn", {}, [("recovered", 40)]),
        ("ananann", {}, [("recovered", 70)]),
        ("aanlnn", {}, [("recovered", 60)]),
        ("nnaa", {"since": 20}, []),
        ("nnnn", {"since": 15}, [("recovered", 40)]),
        ("nnnn", {"since": 10}, [("recovered", 30)]),
        ("aaaa", {"until": 40}, [("expired", 40)]),
        ("aaaaaa", {"until": 40}, [("expired", 40)]),
        ("aaa", {"until": 40}, []),
        ("aann", {"until": 40}, [("recovered", 40)]),
        ("aaann", {"until": 40}, [("expired", 40)]),
        ("aaann", {"until": 45}, [("expired", 45)]),
        ("aaaaa", {"until": None}, []),
    ],
)
def test_recovered_or_expired(states: str, watch: dict[str, int | None], expected: list[tuple[str, int]]) -> None:
    assert said(states, **watch) == expected


def test_what_a_recovery_tells() -> None:
    (found,) = notices(Watch(since=0, panes=2), panes("aann", 7.0))
    assert found.body == {"at": 40, "first_normal": 20, "value": 7.0, "expected": 0.5}


def test_another_watch_is_another_notice() -> None:
    found = {
        notices(Watch(since=since, panes=2, until=until), panes("nnnn"))[0].ref
        for since, until in ((0, None), (10, None), (0, 90), (10, 90))
    }
    assert len(found) == 4


@given(
    st.lists(st.tuples(st.sampled_from("nal"), st.floats(0, 9)), max_size=30),
    st.integers(0, 200),
    st.integers(1, 4),
    st.one_of(st.none(), st.integers(0, 300)),
)
def test_it_says_the_same_whenever_it_is_asked(
    drawn: list[tuple[str, float]], since: int, needed: int, until: int | None
) -> None:
    """Once something is said, more panes change nothing about it: neither kind, instant, ref nor body."""
    watch = Watch(since=since, panes=needed, until=until)
    judged = [
        Judged(place * WIDTH, (place + 1) * WIDTH, value, 0.5, 0.1, STATES[letter])
        for place, (letter, value) in enumerate(drawn)
    ]
    first: list[Notice] = []
    for length in range(len(judged) + 1):
        found = notices(watch, judged[:length])
        if first:
            assert found == first
        first = found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([(9.0, "anomalous")], True),
        ([(9.0, "normal")], False),
        ([(9.0, "learning")], False),
        ([(0.6, "anomalous")], False),
        ([(0.6, "anomalous"), (9.0, "anomalous")], True),
        ([(9.0, "anomalous"), (0.6, "anomalous")], True),
        ([(9.0, "anomalous"), (0.6, "anomalous"), (0.7, "anomalous")], False),
        ([(9.0, "anomalous"), (9.0, "normal")], False),
        ([(None, "anomalous")], True),
        ([(-9.0, "anomalous")], True),
    ],
)
def test_still_wrong(rows: list[tuple[float | None, str]], expected: bool) -> None:
    judged = [Judged(n, n + 1, value, 0.5, 0.1, state) for n, (value, state) in enumerate(rows)]
    assert still_wrong(judged) is expected
