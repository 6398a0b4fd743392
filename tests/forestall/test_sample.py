"""What a sample says of a pack: nothing that comes of it, ids that repeat, values that never come."""

from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.packs import check_sample, sampling

Capture = pytest.CaptureFixture[str]
PACK = """\
pack: checks
title: Checks of machines
streams:
  - topic: checks
    mapping:
      type: check.done
      id: "{no}"
      time: at
      fields:
        vendor: vendor
        outcome: outcome
        score: {from: score, type: integer}
    keep: [{field: vendor, one_of: [acme, bolt]}]
measures:
  - {name: failed, title: Failed, of: [check.done], where: [{field: outcome, equals: fail}]}
detectors:
  - {name: failing, measure: failed, kind: count}
"""
HEAD = "no,at,vendor,outcome,score\n"


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pack.yaml").write_text(PACK)
    return tmp_path


def line(number: int, vendor: str = "", outcome: str = "", score: str = "1") -> str:
    vendor, outcome = vendor or ("acme", "bolt")[number % 2], outcome or ("pass", "fail")[number % 2]
    return f"{number},2026-03-01T00:{number // 60:02}:{number % 60:02}Z,{vendor},{outcome},{score}\n"


def sampled(pack: Path, *lines: str, old: str = "", new: str = "") -> tuple[str, ...]:
    assert not old or PACK.count(old) == 1
    (pack / "pack.yaml").write_text(PACK.replace(old, new) if old else PACK)
    (pack / "rows.csv").write_text(HEAD + "".join(lines))
    return check_sample(str(pack), pack / "rows.csv").doubts


def check(capsys: Capture) -> tuple[int, str, str]:
    code = run(["pack", "check", ".", "--sample", "rows.csv"])
    captured = capsys.readouterr()
    return code, " ".join(captured.out.split()), " ".join(captured.err.split())


def test_control_good_rows_leave_no_doubt(pack: Path, capsys: Capture) -> None:
    assert sampled(pack, *map(line, range(20))) == ()
    code, out, err = check(capsys)
    assert (code, err) == (0, "")
    assert out.startswith("checks: no mistakes.")
    assert out.endswith("rows.csv: 20 of 20 rows become events of checks.")


def test_nothing_that_becomes_an_event_is_a_mistake(pack: Path, capsys: Capture) -> None:
    assert sampled(pack, *(line(number, score="one") for number in range(20))) == ()
    code, out, err = check(capsys)
    assert code == 3
    assert "no mistakes" not in out
    assert "0 of 20 rows become events of checks. 20 rows cannot be mapped: line 2: score = 'one'" in out
    assert "rows.csv: none of 20 rows becomes an event; as it is, checks would come to nothing" in err


def test_all_that_is_filtered_out_and_no_rows_at_all_are_mistakes(pack: Path, capsys: Capture) -> None:
    sampled(pack, line(1, vendor="other"))
    code, out, err = check(capsys)
    assert (code, "0 of 1 row become events of checks; 1 are filtered out." in out) == (3, True)
    assert "! pack.yaml:13: streams[0].keep[0].one_of[0]: 'acme': no row of the sample has it; known: other" in out
    sampled(pack)
    code, _, err = check(capsys)
    assert code == 3
    assert "rows.csv: there are no rows" in err


def test_ids_that_tell_no_events_apart(pack: Path, capsys: Capture) -> None:
    again = line(1)
    told = sampled(pack, *map(line, range(20)), again, old='"{no}"', new='"{vendor}"')
    assert told == (
        f"{pack}/pack.yaml:7: streams[0].mapping.id: '{{vendor}}': 2 different ids for 21 events, only the first of "
        "each is taken (repetitions: 1, dead letters as id_reused: 18); name fields that tell events apart",
    )
    code, out, _ = check(capsys)
    assert code == 0
    assert "! pack.yaml:7: streams[0].mapping.id: '{vendor}': 2 different ids for 21 events" in out


def test_some_repetitions_are_no_doubt(pack: Path) -> None:
    assert sampled(pack, *map(line, range(20)), *map(line, range(15))) == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("equals: fail", "equals: faild", "measures[0].where[0].equals: 'faild': no row of the sample has it; did you"),
        ("equals: fail", "one_of: [fail, broke]", "measures[0].where[0].one_of[1]: 'broke': no row of the sample has"),
        ("equals: fail", "prefix: FA", "measures[0].where[0].prefix: 'FA': no row of the sample begins with it"),
        ("outcome, equals: fail", "score, equals: 9", "measures[0].where[0].equals: 9: no row of the sample has it"),
        (
            "[acme, bolt]",
            "[acme, bolt, blot]",
            "streams[0].keep[0].one_of[2]: 'blot': no row of the sample has it; did",
        ),
    ],
)
def test_a_value_that_no_row_has(pack: Path, old: str, new: str, says: str) -> None:
    (told,) = sampled(pack, *map(line, range(20)), old=old, new=new)
    assert says in told
    number = PACK[: PACK.index(old)].count("\n") + 1
    assert told.startswith(f"{pack}/pack.yaml:{number}: ")


def test_that_only_the_first_rows_were_looked_at_is_said(
    pack: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_ROWS", 10)
    sampled(pack, *map(line, range(11)))
    assert "10 of 10 rows become events of checks. Only the first 10 rows were looked at." in check(capsys)[1]
    sampled(pack, *map(line, range(10)))
    assert "Only the first" not in check(capsys)[1]


def test_faults_are_in_the_order_of_the_rows(pack: Path) -> None:
    sampled(pack, line(1, score="x"), "torn\n", line(2), line(3, score="y"), "torn,again\n")
    found = check_sample(str(pack), pack / "rows.csv")
    assert [each.split(":")[0] for each in found.bad] == ["line 2", "line 3", "line 5", "line 6"]
    assert (found.rows, found.events) == (5, 1)
