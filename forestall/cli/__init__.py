"""The command line. Commands import what they need when they run: `forestall --help` must come at once."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

__all__ = ["main"]

INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        with _leaving_at_once():
            _open_streams()
            run = _commands()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while something was told
        print("Interrupted.", file=sys.stderr)
        code = INTERRUPTED
    if code == INTERRUPTED or "pulsar" in sys.modules:
        _leave_threads_behind(code)
    sys.exit(code)


def _leave_threads_behind(code: int) -> NoReturn:
    """A thread may hang in a library's call that never returns, and `sys.exit` would wait for it. Those of the Pulsar
    client end a moment after it was closed, and end the process (SIGABRT) where the interpreter is ending then."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _commands() -> Callable[[Sequence[str]], int]:
    """All of them, which takes a moment to import.

    Raises:
        ImportError: in words where another distribution's rooms come before ours.
    """
    try:
        from forestall.cli.app import run
    except ImportError as error:
        from forestall.guard import shadowing_problem

        if problem := shadowing_problem():
            raise ImportError(problem) from error
        raise
    return run


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """Ctrl-C ends the process while nothing but imports has happened: raised in there it may be caught or shown."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # somebody has it ignored, or handles it
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


def _open_streams() -> None:
    """A stream that was closed swallows what is written; one that knows few letters gets others in their place."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
