-- Commands as they were asked. AUTOINCREMENT: numbers go on growing when old entries are deleted.
CREATE TABLE {prefix}journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at INTEGER NOT NULL,
    metadata TEXT NOT NULL, -- JSON object
    body TEXT NOT NULL, -- JSON
    positions TEXT, -- JSON array, if it was accepted
    rejection TEXT, -- the error, if it was not
    CHECK ((positions IS NULL) <> (rejection IS NULL))
) STRICT
