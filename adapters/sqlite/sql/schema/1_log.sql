-- One row: the id of this log and the version of these tables.
CREATE TABLE {prefix}log (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    id TEXT NOT NULL,
    schema_version INTEGER NOT NULL
) STRICT
