"""Ctrl-C from the first moment on: a word and 130, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

STRIKE = """
import os, signal, sys

class Strike:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and so would a child of it
sys.meta_path.insert(0, Strike())
sys.argv = ["forestall", *{arguments!r}]
import forestall.cli
forestall.cli.main()
"""


@pytest.mark.parametrize("module", ["forestall.cli.app", "typer", "contracts", "forestall.cli.status", "ledger"])
def test_while_it_is_imported(module: str, tmp_path: Path) -> None:
    done = _struck(module, ["status", "--home", str(tmp_path)])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("module", ["forestall.settings", "forestall.service", "triggers.worker"])
def test_while_a_command_imports_what_it_needs(module: str, tmp_path: Path) -> None:
    done = _struck(module, ["run", "--pack", "retail", "--home", str(tmp_path)])
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


def _struck(module: str, arguments: list[str]) -> "subprocess.CompletedProcess[str]":
    """What becomes of a command that Ctrl-C reaches when it begins to import this module."""
    code = STRIKE.format(module=module, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


HANGING = """
import threading
from concurrent.futures import ThreadPoolExecutor
import forestall.cli

def hangs(arguments):
    ThreadPoolExecutor(1).submit(threading.Event().wait)
    print("told")
    return {code}

forestall.cli._commands = lambda: hangs
forestall.cli.main()
"""


def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    """As the client's own do when what they wait for was closed; the control ends as ever, and waits for it."""
    command = [sys.executable, "-c", HANGING.format(code=130)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (130, "told\n", "")
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", HANGING.format(code=0)], capture_output=True, timeout=3)
