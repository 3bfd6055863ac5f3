-- The builds of projections: how far each is, and what its rows are made of. Their tables are `{prefix}rows_…`, a name
-- that no table of the log itself begins with.
CREATE TABLE {prefix}builds (
    projection TEXT NOT NULL,
    version INTEGER NOT NULL,
    build INTEGER NOT NULL,
    log TEXT NOT NULL, -- the id of the log that the rows are made of, which may be another one
    shape TEXT NOT NULL, -- the columns, compared and shown and never taken apart
    live INTEGER NOT NULL DEFAULT 0 CHECK (live IN (0, 1)), -- whether it is what the view selects from
    types TEXT, -- JSON array of the types that its fold takes, while it is kept inline
    position INTEGER NOT NULL DEFAULT 0,
    anchor_position INTEGER, -- the last event that was counted
    anchor_event TEXT,
    parked INTEGER NOT NULL DEFAULT 0, -- how many events are parked
    stopped TEXT, -- why it stands still, if it does
    updated_at INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (projection, version, build),
    CHECK ((anchor_position IS NULL) = (anchor_event IS NULL))
) STRICT
