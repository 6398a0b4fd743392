"""A `forestall run` of its own process, and what it says."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE_S = 180
"""Then a service that does not say what is waited for is ended: a test may fail, and never hang."""


class Service:
    """A running `forestall run`, and its log so far."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        command = [sys.executable, "-m", "forestall", "run", "--home", str(home), *options]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}, cwd=home.parent
        )
        self.lines: list[str] = []

    def until(self, text: str) -> str:
        """The first line from here on that holds it; fails when the process ends before, or is silent too long."""
        assert self.process.stderr is not None
        patience = threading.Timer(PATIENCE_S, self.process.kill)
        patience.start()
        try:
            for line in self.process.stderr:
                self.lines.append(line)
                if text in line:
                    return line
        finally:
            patience.cancel()
        raise AssertionError(f"ended without {text!r}: {''.join(self.lines)}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.lines += self.process.communicate(timeout=60)[1].splitlines(keepends=True)
        return self.process.returncode

    def address(self) -> str:
        """Where it answers; it was started with --health."""
        found = re.search(r"health: (http://\S+)/health", self.until("health: http"))
        assert found is not None
        return found[1]
