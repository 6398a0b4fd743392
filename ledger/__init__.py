"""The durable record: inbox, journal, outbox, runs and leases, commands, approvals, watches, blobs."""

from ledger.commands import Claim, CommandRow, Commands
from ledger.errors import (
    Fenced,
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerNewer,
    LedgerReadOnly,
    OperatorNeeded,
)
from ledger.inbox import DeadLetter, Received
from ledger.incidents import Joined
from ledger.journal import OutboxRow
from ledger.leases import Lease
from ledger.people import ApprovalRow
from ledger.recording import Routing, rebuild_views, record
from ledger.runs import LEASE_MICROS, Mail, Run
from ledger.sqlite import Ledger, SqliteLedger, Transaction

__all__ = [
    "LEASE_MICROS",
    "ApprovalRow",
    "Claim",
    "CommandRow",
    "Commands",
    "DeadLetter",
    "Fenced",
    "Joined",
    "Lease",
    "Ledger",
    "LedgerBusy",
    "LedgerCorrupt",
    "LedgerError",
    "LedgerFull",
    "LedgerNewer",
    "LedgerReadOnly",
    "Mail",
    "OperatorNeeded",
    "OutboxRow",
    "Received",
    "Routing",
    "Run",
    "SqliteLedger",
    "Transaction",
    "rebuild_views",
    "record",
]
