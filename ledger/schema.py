"""The ledger's tables, one migration a version; `PRAGMA user_version` says which have run."""

import sqlite3
from pathlib import Path

from ledger.errors import LedgerNewer

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE inbox (
        subscription TEXT NOT NULL, identity BLOB NOT NULL, digest BLOB NOT NULL, received_at INTEGER NOT NULL,
        PRIMARY KEY (subscription, identity)) WITHOUT ROWID;
    CREATE TABLE dead_letters (
        id INTEGER PRIMARY KEY, subscription TEXT NOT NULL, topic TEXT NOT NULL, message_id TEXT NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL,
        UNIQUE (subscription, message_id));
    CREATE TABLE monitor_state (
        pack TEXT NOT NULL, part TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL,
        PRIMARY KEY (pack, part, name)) WITHOUT ROWID;
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, time INTEGER NOT NULL,
        incident TEXT, event BLOB NOT NULL);
    CREATE INDEX journal_by_incident ON journal (incident, seq);
    CREATE INDEX journal_by_type ON journal (type, seq);
    CREATE TABLE outbox (
        seq INTEGER NOT NULL, destination TEXT NOT NULL, number INTEGER, sent_at INTEGER,
        PRIMARY KEY (seq, destination)) WITHOUT ROWID;
    CREATE INDEX outbox_unsent ON outbox (destination, seq) WHERE sent_at IS NULL;
    CREATE TABLE leases (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (
        thread TEXT PRIMARY KEY, tenant TEXT NOT NULL, pack TEXT NOT NULL, key TEXT NOT NULL,
        pack_digest TEXT NOT NULL, graph_version INTEGER NOT NULL, status TEXT NOT NULL, current INTEGER NOT NULL,
        onset INTEGER NOT NULL, opened_at INTEGER NOT NULL, closed_at INTEGER, waiting_for TEXT, waiting_since INTEGER,
        owner TEXT, epoch INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE UNIQUE INDEX runs_one_current ON runs (tenant, pack, key) WHERE current = 1 AND status <> 'finished';
    CREATE INDEX runs_by_key ON runs (tenant, pack, key, onset);
    CREATE INDEX runs_by_status ON runs (status);
    CREATE TABLE checkpoints (
        thread TEXT NOT NULL, seq INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (thread, seq)) WITHOUT ROWID;
    CREATE TABLE mailbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, thread TEXT NOT NULL, ref TEXT NOT NULL, body TEXT NOT NULL,
        consumed INTEGER NOT NULL DEFAULT 0, UNIQUE (thread, ref));
    CREATE INDEX mailbox_waiting ON mailbox (thread, id) WHERE consumed = 0;
    CREATE TABLE commands (
        id TEXT PRIMARY KEY, incident TEXT NOT NULL, pack TEXT NOT NULL, ordinal TEXT NOT NULL, effect TEXT NOT NULL,
        body TEXT NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, owner TEXT,
        epoch INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,
        created_at INTEGER NOT NULL, outcome TEXT) WITHOUT ROWID;
    CREATE INDEX commands_open ON commands (status, next_at) WHERE status <> 'done';
    CREATE INDEX commands_by_incident ON commands (incident, ordinal);
    CREATE TABLE timers (
        thread TEXT NOT NULL, ref TEXT NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (thread, ref)) WITHOUT ROWID;
    CREATE INDEX timers_due ON timers (due);
    CREATE TABLE watches (
        thread TEXT PRIMARY KEY, pack TEXT NOT NULL, measure TEXT NOT NULL, detector TEXT NOT NULL, key TEXT NOT NULL,
        doc TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX watches_by_pack ON watches (pack);
    CREATE TABLE approvals (
        id TEXT PRIMARY KEY, incident TEXT NOT NULL, status TEXT NOT NULL, request TEXT NOT NULL, answer TEXT)
        WITHOUT ROWID;
    CREATE INDEX approvals_by_incident ON approvals (incident);
    CREATE TABLE standing_approvals (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, pack TEXT NOT NULL, template TEXT NOT NULL, doc TEXT NOT NULL)
        WITHOUT ROWID;
    CREATE TABLE switches (name TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE incidents (
        id TEXT PRIMARY KEY, opened_at INTEGER NOT NULL, status TEXT NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE memos (key TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE blobs (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE inbox_batches (
        subscription TEXT NOT NULL, upto INTEGER NOT NULL, items INTEGER NOT NULL, at INTEGER NOT NULL,
        identities BLOB NOT NULL, digests BLOB NOT NULL);
    CREATE UNIQUE INDEX inbox_batches_by_number ON inbox_batches (subscription, upto);
    """,
    """
    CREATE TABLE partitions (
        pack TEXT NOT NULL, stream TEXT NOT NULL, part TEXT NOT NULL, doc TEXT NOT NULL,
        PRIMARY KEY (pack, stream, part)) WITHOUT ROWID;
    CREATE TABLE pane_parts (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, pack TEXT NOT NULL, stream TEXT NOT NULL, measure TEXT NOT NULL,
        start INTEGER NOT NULL, part TEXT NOT NULL, doc TEXT NOT NULL);
    CREATE INDEX pane_parts_by_pane ON pane_parts (pack, stream, measure, start, part);
    INSERT INTO partitions SELECT pack, part, part || '#0', json_object(
        'first', json_extract(doc, '$.latest'), 'since', 0, 'latest', json_extract(doc, '$.latest'))
        FROM monitor_state WHERE name = 'clock' AND json_extract(doc, '$.latest') IS NOT NULL;
    INSERT INTO pane_parts (pack, stream, measure, start, part, doc)
        SELECT pack, part, substr(name, 6, instr(substr(name, 6), '/') - 1), CAST(pane.key AS INTEGER), part || '#0',
        json_object(substr(name, 6 + instr(substr(name, 6), '/')), json(pane.value))
        FROM monitor_state, json_each(monitor_state.doc) AS pane WHERE name LIKE 'open/%';
    DELETE FROM monitor_state WHERE name LIKE 'open/%'
        OR (name = 'clock' AND json_extract(doc, '$.latest') IS NULL);
    UPDATE monitor_state SET doc = json_object(
        'watermark', json_extract(doc, '$.latest'), 'since', json_extract(doc, '$.latest'),
        'closed_until', json_extract(doc, '$.closed_until')) WHERE name = 'clock';
    """,
    """
    CREATE TABLE prune_marks (at INTEGER PRIMARY KEY, journal INTEGER NOT NULL);
    CREATE TABLE prune_cursors (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE blob_refs (
        digest TEXT NOT NULL, source TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (digest, source, number))
        WITHOUT ROWID;
    CREATE INDEX blob_refs_by_source ON blob_refs (source, number);
    CREATE INDEX outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;
    CREATE INDEX dead_letters_by_time ON dead_letters (at);
    """,
    """
    ALTER TABLE outbox DROP COLUMN number;
    ALTER TABLE dead_letters ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX dead_letters_unpublished ON dead_letters (id) WHERE published = 0;
    """,
    """
    ALTER TABLE dead_letters ADD COLUMN seen_at INTEGER;
    CREATE INDEX dead_letters_unseen ON dead_letters (code) WHERE seen_at IS NULL;
    """,
)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this version, each migration in a transaction of its own.

    Raises:
        LedgerNewer: the file is of a later version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise LedgerNewer(
            f"{path}: is a ledger of version {version}, this Forestall knows {len(MIGRATIONS)}; upgrade Forestall"
        )
    for number in range(version, len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] == number:
                for statement in MIGRATIONS[number].split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
