-- The parked events: the events that failed, and later ones with the same keys.
CREATE TABLE {prefix}parked (
    projection TEXT NOT NULL,
    version INTEGER NOT NULL,
    build INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event TEXT NOT NULL,
    keys TEXT NOT NULL, -- JSON array of texts
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    needs_newer INTEGER NOT NULL, -- 1 if only a newer program reads it or an event that it waits for
    PRIMARY KEY (projection, version, build, position)
) STRICT, WITHOUT ROWID
