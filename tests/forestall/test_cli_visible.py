"""What events and people write is shown as it is and obeyed by no terminal; any stream can be written to."""

import io
import logging
import subprocess
import sys

import pytest
from rich.text import Text
from rich.tree import Tree

from forestall.cli.logs import set_up_logging
from forestall.cli.screen import stdout
from forestall.cli.visible import visible
from forestall.settings import Settings

EVIL = "\x1b]0;title\x1b[31mN\u202e\x9b2J[red]x[/red]"
SHOWN = r"\x1b]0;title\x1b[31mN\u202e\x9b2J[red]x[/red]"


def test_control_characters_are_written_out() -> None:
    assert visible(EVIL) == SHOWN
    assert visible("a\nb\tä · 94 %") == "a\nb\tä · 94 %"
    assert visible("a\nb", one_line=True) == r"a\nb"
    assert visible("\udcff") == r"\udcff"


@pytest.mark.parametrize("what", [EVIL, Text(EVIL, "red")])
def test_the_screen_obeys_nobody(
    what: str | Text, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    tree = Tree(Text("it"))
    tree.add(Text.assemble(what))
    stdout().print(what, soft_wrap=True)
    stdout().print(tree)
    told = capsys.readouterr().out
    assert told.count(SHOWN.removesuffix("[red]x[/red]")) == 2
    assert "\x1b]0;" not in told
    assert "\x9b" not in told


def test_a_line_of_the_log_stays_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    set_up_logging(Settings(_env_file=None))
    logging.getLogger("forestall.run").info("warehouse = %s", "A\n2026-01-01T00:00:00Z approved: by ada\x1b[2J")
    assert written.getvalue().count("\n") == 1
    assert r"A\n2026-01-01T00:00:00Z approved: by ada\x1b[2J" in written.getvalue()


@pytest.mark.parametrize("redirected", [">&-", "2>&-", ">/dev/null"])
def test_any_stream_will_do(redirected: str) -> None:
    command = f"PYTHONIOENCODING=ascii {sys.executable} -m forestall packs {redirected}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
