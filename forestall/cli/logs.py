"""The log: a line a happening for a person, or a JSON object a line for a machine. It goes to stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forestall.cli.visible import visible

if TYPE_CHECKING:
    from forestall.settings import Settings

EXTRAS = ("happening", "incident", "event_time")


def set_up_logging(settings: "Settings") -> None:
    """Our own log at INFO, the rooms' at WARNING (what matters of theirs is told from the journal); all with debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else _Lines())
    root = logging.getLogger("forestall")
    root.handlers, root.propagate = [handler], False
    root.setLevel(logging.DEBUG if settings.debug else logging.WARNING)
    logging.getLogger("forestall.run").setLevel(logging.INFO)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        text = f"{_time_of(record)} {level}{visible(record.getMessage(), one_line=True)}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in EXTRAS if getattr(record, name, None) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
