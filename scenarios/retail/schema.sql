CREATE TABLE IF NOT EXISTS world (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,
    tick INTEGER NOT NULL,
    folded_effect INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'shipped', 'cancelled')),
    placed INTEGER NOT NULL,
    warehouse TEXT NOT NULL,
    carrier TEXT NOT NULL,
    country TEXT NOT NULL,
    category TEXT NOT NULL,
    value INTEGER NOT NULL,
    promised_at INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    due INTEGER NOT NULL,
    strain REAL NOT NULL,
    doubt REAL NOT NULL,
    slipped INTEGER NOT NULL,
    mailed INTEGER NOT NULL,
    moved_from TEXT,
    closed INTEGER,
    arrives INTEGER
);
CREATE INDEX IF NOT EXISTS open_orders ON orders (number) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS orders_by_placed ON orders (placed);
CREATE TABLE IF NOT EXISTS stock (
    warehouse TEXT NOT NULL,
    category TEXT NOT NULL,
    available INTEGER NOT NULL CHECK (available >= 0),
    PRIMARY KEY (warehouse, category)
);
CREATE TABLE IF NOT EXISTS servers (
    name TEXT PRIMARY KEY,
    rate REAL NOT NULL,
    credit REAL NOT NULL,
    avoided_until INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS effects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL CHECK (sink IN ('oms', 'routing', 'mail')),
    command_id TEXT,
    tick INTEGER NOT NULL,
    what TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS oms_applies_once ON effects (command_id) WHERE sink = 'oms';
CREATE INDEX IF NOT EXISTS effects_by_command ON effects (sink, command_id);
