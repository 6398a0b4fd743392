"""The log: a line a happening for a person, or a JSON object a line for a machine. It goes to stderr."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forestall.cli.visible import visible

if TYPE_CHECKING:
    from forestall.settings import Settings

AGAIN_S, TOLD_MAX = 600.0, 64
"""A warning that is repeated is told again after so many seconds; so many are remembered."""
EXTRAS = ("happening", "incident", "event_time", "worker")


def set_up_logging(settings: "Settings") -> None:
    """Our own log at INFO, the rooms' at WARNING (what matters of theirs is told from the journal); all with debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else _Lines())
    handler.addFilter(_not_again())
    root = logging.getLogger("forestall")
    root.handlers, root.propagate = [handler], False
    root.setLevel(logging.DEBUG if settings.debug else logging.WARNING)
    quiet_clients(debug=settings.debug)
    logging.getLogger("forestall.run").setLevel(logging.INFO)


def quiet_clients(*, debug: bool) -> None:
    """Pulsar's client reports every attempt at a connection, and as an error: what matters of it is told elsewhere."""
    logging.getLogger("forestall.pulsar").setLevel(logging.INFO if debug else logging.CRITICAL)


def _not_again() -> Callable[[logging.LogRecord], bool]:
    """Holds back a warning that was told a while ago at most: a fault that stays is one line."""
    told: dict[str, float] = {}

    def new(record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING or record.name == "forestall.run":
            return True
        message = record.getMessage()
        for old in [each for each, at in told.items() if record.created - at > AGAIN_S] or list(told)[:-TOLD_MAX]:
            del told[old]
        return told.setdefault(message, record.created) == record.created

    return new


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
