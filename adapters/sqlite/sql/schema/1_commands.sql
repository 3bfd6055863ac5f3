-- The accepted command ids and their receipts.
CREATE TABLE {prefix}commands (
    id TEXT PRIMARY KEY NOT NULL,
    command TEXT NOT NULL,
    scope TEXT NOT NULL, -- the ids that the command names; an opaque text, only compared
    recorded_at INTEGER NOT NULL, -- microseconds since 1970
    receipt TEXT NOT NULL -- JSON array of [position, event id]
) STRICT
