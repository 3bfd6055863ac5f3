-- The commands as they were requested, with their outcome. AUTOINCREMENT: the number of a deleted entry is never used again.
CREATE TABLE {prefix}journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970
    metadata TEXT NOT NULL, -- JSON object
    body TEXT NOT NULL, -- JSON
    positions TEXT, -- JSON array of the events' positions, if the command was accepted
    rejection TEXT, -- the error, if it was rejected
    CHECK ((positions IS NULL) <> (rejection IS NULL))
) STRICT
