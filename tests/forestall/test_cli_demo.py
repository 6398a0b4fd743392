"""The demo's command: its homes, its resumption, what it prints and what it refuses."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.home import MARKER, playing

Capture = pytest.CaptureFixture[str]
COMMAND = [sys.executable, "-m", "forestall"]


def test_a_demo_that_was_interrupted_goes_on_and_tells_its_whole_story(asked_home: Path, capsys: Capture) -> None:
    assert run(["demo", "retail", "--resume", "--dir", str(asked_home)]) == 0
    told = capsys.readouterr().out
    in_order = ["trouble", "noticed", "explained", "planned", "asks a person", "played by the demo", "done", "resolved"]
    places = [told.index(word) for word in in_order]
    assert places == sorted(places)
    assert "at risk" in told  # figures from a command's result
    assert re.search(r"\d+ with nobody acting, \d+ with Forestall, \d+ with an oracle", told)
    assert re.search(rf"forestall trace inc-[0-9a-f]+ --home {re.escape(str(asked_home))}", told)


def test_a_demo_that_has_ended_is_summed_up_again(asked_home: Path, capsys: Capture) -> None:
    assert run(["demo", "retail", "--resume", "--dir", str(asked_home)]) == 0
    digest = re.search(r"decision digest +(\w+)", capsys.readouterr().out)
    assert run(["demo", "retail", "--resume", "--dir", str(asked_home)]) == 0
    assert digest is not None
    assert digest[1] in capsys.readouterr().out


def test_another_story_cannot_be_resumed(asked_home: Path, capsys: Capture) -> None:
    assert run(["demo", "retail", "--resume", "--seed", "8", "--dir", str(asked_home)]) == 2
    assert "--seed: the demo that was begun here has 7" in capsys.readouterr().err


def test_nothing_can_be_resumed_where_nothing_was_begun(tmp_path: Path, capsys: Capture) -> None:
    assert run(["demo", "retail", "--resume", "--dir", str(tmp_path)]) == 2
    assert "no demo was begun here" in capsys.readouterr().err


def test_a_folder_that_is_no_demos_is_left_alone(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")
    assert run(["demo", "retail", "--dir", str(tmp_path)]) == 2
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]
    assert "Choose another with --dir" in capsys.readouterr().err


def test_one_process_at_a_time_plays_in_a_folder(tmp_path: Path, capsys: Capture) -> None:
    with playing(tmp_path):
        assert run(["demo", "retail", "--dir", str(tmp_path)]) == 7
    assert f"process {os.getpid()} plays a demo in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["demo", "bakery"], 6, "known: retail"),
        (["demo", "retail", "--degrade", "E"], 2, "warehouses of A, B, C, D"),
        (["demo", "retail", "--cause", "moon"], 2, "use warehouse or payment"),
        (["demo", "retail", "--batch", "0"], 2, "--batch"),
        (["demo", "retail", "--interactive", "--json"], 2, "leave one of them out"),
        (["dmo"], 2, "Did you mean 'demo'?"),
    ],
)
def test_a_wrong_option_is_told_in_two_lines(
    arguments: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert len(captured.err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_object_and_nothing_else(tmp_path: Path) -> None:
    options = ["demo", "retail", "--degrade", "none", "--days", "1", "--json", "--dir", str(tmp_path / "demo")]
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["incidents"] == []
    assert {"decision_digest", "orders_saved", "orders_saved_by_oracle", "commands", "decisions"} <= found.keys()
    assert json.loads((tmp_path / "demo" / MARKER).read_text())["degrade"] == []


def test_ctrl_c_ends_with_130_and_says_how_it_goes_on(tmp_path: Path) -> None:
    command = [*COMMAND, "demo", "retail", "--dir", str(tmp_path / "demo")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in its background with the signal ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    while "Mon 2 Mar" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == (
        f"Interrupted. It goes on where it stopped with: forestall demo retail --resume --dir {tmp_path / 'demo'}"
    )


def test_the_person_at_the_terminal_approves_and_grants(
    asked_home: Path, answers: Callable[..., list[str]], capsys: Capture
) -> None:
    asked = answers("y", "y")
    assert run(["demo", "retail", "--resume", "--interactive", "--dir", str(asked_home)]) == 0
    told = capsys.readouterr().out
    assert asked == []
    assert "Approve? [y/n]" in told
    assert "May it act alone" in told
    assert "resolved" in told
    assert "played by the demo" not in told


def test_only_a_plain_word_is_an_answer(asked_home: Path, answers: Callable[..., list[str]], capsys: Capture) -> None:
    asked = answers("", "maybe", "n")
    assert run(["demo", "retail", "--resume", "--interactive", "--dir", str(asked_home)]) == 0
    told = capsys.readouterr().out
    assert asked == []
    assert told.count("Answer y or n.") == 2
    assert "denied denied" not in told
    assert "Approve it yourself" not in told
