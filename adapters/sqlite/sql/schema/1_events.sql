-- The log. A row of type '$gap' is a tombstone: it has the position and the id of an event that has left the log for an archive. The large column is the last one, so that reading the others does not load it.
CREATE TABLE {prefix}events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970
    tags TEXT NOT NULL, -- JSON array of texts
    metadata TEXT NOT NULL, -- JSON object
    data TEXT NOT NULL -- JSON
) STRICT
