-- One row: which log this is, and which version of these tables it has.
CREATE TABLE {prefix}log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    schema INTEGER NOT NULL
) STRICT
