"""A file that is there while the service serves, for whoever starts it and waits."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts import to_iso
from forestall.errors import UsageError


class ReadyFile:
    """Written whole or not at all; what a dead process left is removed before anything else happens."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._text: str | None = None

    def write(self, owner: str, now: int) -> None:
        self._text = json.dumps({"process": os.getpid(), "name": owner, "ready_at": to_iso(now)}) + "\n"
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}.new")
        fresh.write_text(self._text, encoding="utf-8")
        fresh.replace(self._file)

    def remove(self) -> None:
        """Unless another process has written it since."""
        try:
            if self._text is not None and self._file.read_text(encoding="utf-8") == self._text:
                self._file.unlink()
        except FileNotFoundError:
            return


@contextmanager
def ready_file(file: Path | None) -> Iterator[ReadyFile | None]:
    """The file of this run, gone at its end.

    Raises:
        UsageError: it could not be written.
    """
    if file is None:
        yield None
        return
    try:
        if not _is_alive(file):
            file.unlink(missing_ok=True)
        probe = file.with_name(f"{file.name}.{os.getpid()}.new")
        probe.touch()
        probe.unlink()
    except OSError as error:
        problem = f"--ready-file: {str(file)!r}: cannot be written ({error.strerror})"
        raise UsageError(problem, "Name a file in a folder that this user may write.") from error
    ready = ReadyFile(file)
    try:
        yield ready
    finally:
        ready.remove()


def _is_alive(file: Path) -> bool:
    """Whether the process that wrote it is there: the file is then its own, until this one is ready too."""
    try:
        os.kill(int(json.loads(file.read_text(encoding="utf-8"))["process"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True
