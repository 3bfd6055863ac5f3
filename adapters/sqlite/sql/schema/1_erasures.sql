-- The records of erasures. Times are in microseconds since 1970.
CREATE TABLE {prefix}erasures (
    number INTEGER PRIMARY KEY, -- rows are never deleted
    subject BLOB NOT NULL, -- a keyed hash of 32 bytes
    actor TEXT,
    erased_at INTEGER NOT NULL,
    completed_at INTEGER, -- NULL while copies of the secrets may remain
    readmitted INTEGER NOT NULL DEFAULT 0 CHECK (readmitted IN (0, 1)) -- whether the subject may have new keys
) STRICT
