"""How far a file was published: kept in the home folder, so that an interrupted `emit` goes on where it was."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import stable_id
from triggers.emit.errors import FixFile
from triggers.emit.prepare import Plan

FOLDER = "emit"


@dataclass(frozen=True, slots=True)
class Position:
    """Of one file's content under one plan on one broker. The first `rows` rows are dealt with; `whole`: all are."""

    path: Path
    rows: int = 0
    whole: bool = False

    def save(self) -> None:
        """Write it down, whole or not at all; it is on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"rows": self.rows, "whole": self.whole}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def find_position(home: Path, source: Path, plan: Plan, broker: str, *, restart: bool = False) -> Position:
    """Where to go on; at the beginning for what was never published, and with `restart`.

    Args:
        broker: the address of the broker; each has its own topics.

    Raises:
        FixFile: the source, or what was kept, cannot be read.
    """
    try:
        with source.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FixFile(f"{source}: cannot be read: {error.strerror}") from error
    mapping = None if plan.mapping is None else plan.mapping.model_dump(mode="json")
    name = stable_id("emit", content, plan.topic, plan.raw, mapping, source.name, broker)
    path = home / FOLDER / f"{name}.json"
    if restart or not path.exists():
        return Position(path)
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
        return Position(path, int(kept["rows"]), bool(kept["whole"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FixFile(f"{path}: cannot be read ({error}); begin again with --restart") from error
