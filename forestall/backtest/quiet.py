"""Less in the log: what a summary tells at the end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_monitor = logging.getLogger("forestall.monitor")


@contextmanager
def letters_summed_up() -> Iterator[None]:
    """Within, dead letters are not told batch by batch; every other warning is."""
    _monitor.addFilter(_is_other)
    try:
        yield
    finally:
        _monitor.removeFilter(_is_other)


def _is_other(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("dead letters: ")
