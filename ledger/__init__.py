"""The durable record: inbox, journal, outbox, runs and leases, commands, approvals, watches, blobs."""

from typing import TYPE_CHECKING, Any

from ledger.commands import Claim, CommandRow, Commands
from ledger.errors import (
    Fenced,
    InboxMoved,
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerNewer,
    LedgerReadOnly,
    OperatorNeeded,
)
from ledger.identity import (
    DIGEST_BYTES,
    content_digest,
    former_digest,
    former_identity,
    name_identities,
    name_identity,
    name_prefix,
)
from ledger.inbox import INBOX_HORIZON_MICROS, DeadLetter, Unpublished
from ledger.incidents import Joined
from ledger.journal import OutboxRow
from ledger.leases import Lease
from ledger.panes import Part
from ledger.people import ApprovalRow
from ledger.pruning import Pruned
from ledger.recording import Routing, rebuild_views, record
from ledger.records import Records
from ledger.retention import Retention
from ledger.runs import LEASE_MICROS, Mail, Run
from ledger.sqlite import Ledger, SqliteLedger, Transaction

if TYPE_CHECKING:
    from ledger.inbox_index import INBOX_MAX_IDENTITIES, Added, InboxIndex, Seen, repeats

__all__ = [
    "DIGEST_BYTES",
    "INBOX_HORIZON_MICROS",
    "INBOX_MAX_IDENTITIES",
    "LEASE_MICROS",
    "Added",
    "ApprovalRow",
    "Claim",
    "CommandRow",
    "Commands",
    "DeadLetter",
    "Fenced",
    "InboxIndex",
    "InboxMoved",
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
    "Part",
    "Pruned",
    "Records",
    "Retention",
    "Routing",
    "Run",
    "Seen",
    "SqliteLedger",
    "Transaction",
    "Unpublished",
    "content_digest",
    "former_digest",
    "former_identity",
    "name_identities",
    "name_identity",
    "name_prefix",
    "rebuild_views",
    "record",
    "repeats",
]


def __getattr__(name: str) -> Any:
    """The inbox's index comes when it is asked for: numpy costs a tenth of a second at every command line."""
    if name in ("INBOX_MAX_IDENTITIES", "Added", "InboxIndex", "Seen", "repeats"):
        from ledger import inbox_index

        return getattr(inbox_index, name)
    raise AttributeError(f"module 'ledger' has no attribute {name!r}")
