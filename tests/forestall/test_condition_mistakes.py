"""A value that no event can have, and a length of time out of its bounds, are told in the pack's own terms."""

from pathlib import Path

import pytest

from forestall.errors import PackError
from forestall.packs import load_pack

PACK = """\
pack: checks
title: Checks of machines
streams:
  - topic: checks
    mapping:
      type: check.done
      time: at
      fields:
        machine: machine
        outcome: outcome
        score: {from: score, type: integer}
        price: {from: price, type: decimal}
        late: {from: late, type: boolean}
    keep: [{field: outcome, one_of: [pass, fail]}]
    enrich: [{set: site, to: north}]
  - topic: orders
    types:
      - type: order.placed
        data: {properties: {state: {enum: [open, paid]}, code: {type: string}, pieces: {type: [integer, "null"]}}}
      - {type: order.other, data: {}}
    enrich: [{set: code, to: 7}]
measures:
  - {name: failed, title: Failed, of: [check.done], where: [{field: outcome, equals: fail}]}
  - {name: paid, title: Paid, of: [order.placed], where: [{field: state, equals: paid}, {field: code, equals: 7}]}
detectors:
  - {name: failing, measure: failed, kind: count}
reflexes:
  - name: stop_it
    of: [check.done]
    where: [{field: score, equals: 7}]
    tool: stop
    every: 5m
    within: 2m
topic_tools:
  - {name: stop, topic: commands, title: Stop}
autonomy:
  rules: [{tool: stop, may: alone}]
"""


def told(folder: Path, old: str = "", new: str = "") -> tuple[str, ...]:
    assert not old or PACK.count(old) == 1, old
    (folder / "pack.yaml").write_text(PACK.replace(old, new) if old else PACK)
    try:
        load_pack(folder)
    except PackError as error:
        return tuple(each.removeprefix(f"{folder}/") for each in error.mistakes)
    return ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("{field: score, equals: 7}", "{field: score, equals: 7.0}"),
        ("{field: score, equals: 7}", "{field: late, equals: true}"),
        ("{field: score, equals: 7}", '{field: price, equals: "7.50"}'),
        ("{field: score, equals: 7}", "{field: outcome, prefix: fa}"),
        ("{field: score, equals: 7}", "{field: site, equals: north}"),
        ("{field: state, equals: paid}", "{field: pieces, one_of: [1, 2]}"),
        ("[order.placed], where: [{field: state, equals: paid}", "[order.other], where: [{field: state, equals: 1}"),
    ],
)
def test_what_an_event_may_have_is_taken(tmp_path: Path, old: str, new: str) -> None:
    assert told(tmp_path, old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "{field: outcome, equals: fail}",
            "{field: outcome, equals: 7}",
            "measures[0].where[0].equals: 7: outcome is a text in 'check.done'; write it in quotes, such as \"7\"",
        ),
        (
            "one_of: [pass, fail]",
            "one_of: [pass, true]",
            "streams[0].keep[0].one_of[1]: True: outcome is a text in 'check.done'; "
            'write it in quotes, such as "true"',
        ),
        (
            "{field: score, equals: 7}",
            '{field: score, equals: "7"}',
            "reflexes[0].where[0].equals: '7': score is of type integer in 'check.done', and this is none; "
            "correct the one or the other",
        ),
        (
            "{field: score, equals: 7}",
            "{field: score, prefix: a}",
            "reflexes[0].where[0].prefix: 'a': score is of type integer in 'check.done', and this is none; "
            "correct the one or the other",
        ),
        (
            "{field: score, equals: 7}",
            "{field: price, equals: 7}",
            "reflexes[0].where[0].equals: 7: price is a text in 'check.done'; write it in quotes, such as \"7\"",
        ),
        (
            "{field: score, equals: 7}",
            "{field: site, equals: nort}",
            "reflexes[0].where[0].equals: 'nort': site is always 'north' in 'check.done'; correct the value",
        ),
        (
            "{field: state, equals: paid}",
            "{field: state, equals: piad}",
            "measures[1].where[0].equals: 'piad': state is never this in 'order.placed'; did you mean 'paid'?",
        ),
        ("every: 5m", "every: 0s", "reflexes[0].every: '0s': must be at least 1s"),
        ("every: 5m", "every: 0", "reflexes[0].every: 0: must be at least 1s"),
        ("every: 5m", "every: 2d", "reflexes[0].every: '2d': must be at most 1d"),
        ("within: 2m", "within: 2h", "reflexes[0].within: '2h': must be at most 1h"),
        (
            "every: 5m",
            "every: 1",
            "reflexes[0].every: 1: names no unit; write a whole number and s, m, h or d, such as 15m",
        ),
    ],
)
def test_what_no_event_can_have_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    line = PACK[: PACK.index(old)].count("\n") + 1
    assert told(tmp_path, old, new) == (f"pack.yaml:{line}: {says}",)
