"""What is said where an extra is missing works for the interpreter that runs."""

import shlex
import subprocess
import sys

import pytest

from contracts import install_command


def test_the_command_is_for_the_interpreter_that_runs() -> None:
    words = shlex.split(install_command("pulsar"))
    assert words[-1] == "forestall[pulsar]"
    assert sys.executable in words
    done = subprocess.run([*words[:3], "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("pip ")


def test_a_path_with_a_blank_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/my tools/python")
    assert shlex.split(install_command("solvers"))[0] == "/my tools/python"


def test_an_environment_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.extra.find_spec", lambda _: None)
    assert install_command("pulsar") == f"uv pip install --python {shlex.quote(sys.executable)} 'forestall[pulsar]'"
