"""What can go wrong with the ledger, by the reaction wanted.

LedgerError
├── LedgerBusy           try again: another process holds the file
├── InboxMoved           do the batch again: another process took some of its events meanwhile
├── Fenced               stop: somebody else owns this lease or run now; what you did was not written
└── OperatorNeeded       nothing was written; a person has to act
    ├── LedgerNewer      a newer Forestall wrote this file
    ├── LedgerCorrupt    the file is no ledger, or damaged
    ├── LedgerReadOnly   the file or its folder cannot be written
    └── LedgerFull       the disk is full
"""

import sqlite3
from pathlib import Path


class LedgerError(Exception):
    """The ledger could not do what was asked."""


class LedgerBusy(LedgerError):
    """Another process holds the ledger."""


class InboxMoved(LedgerError):
    """Another process took some of these events since they were looked up."""


class Fenced(LedgerError):
    """Somebody else owns this now."""


class OperatorNeeded(LedgerError):
    """Nothing was written."""


class LedgerNewer(OperatorNeeded):
    """A newer version wrote it."""


class LedgerCorrupt(OperatorNeeded):
    """It is damaged, or no ledger at all."""


class LedgerReadOnly(OperatorNeeded):
    """It cannot be written."""


class LedgerFull(OperatorNeeded):
    """No space is left."""


def translated(error: sqlite3.Error, path: Path) -> LedgerError:
    """Our error for SQLite's, with the file and the next step."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return LedgerBusy(f"{path}: another process is writing ({text}); try again, or see `forestall status`")
    if "full" in text:
        return LedgerFull(f"{path}: the disk is full; free some space and start again, nothing was half-written")
    if "readonly" in text or "unable to open" in text or "read-only" in text:
        return LedgerReadOnly(
            f"{path}: cannot be written ({text}); give this user write access to the file and its folder"
        )
    if isinstance(error, sqlite3.DatabaseError) and ("not a database" in text or "malformed" in text):
        return LedgerCorrupt(f"{path}: is no ledger or is damaged ({text}); restore it from a backup or move it away")
    return LedgerError(f"{path}: {text}")
