-- How far each projection is, and what its rows were made of. Their tables are `{prefix}rows_…`, a name that no table of
-- the log itself begins with.
CREATE TABLE {prefix}projections (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    log TEXT NOT NULL, -- the id of the log that the rows are made of, which may be another one
    shape TEXT NOT NULL, -- the columns, compared and shown and never taken apart
    position INTEGER NOT NULL,
    anchor_position INTEGER, -- the last event that was counted
    anchor_event TEXT,
    stopped TEXT, -- why it stands still, if it does
    updated_at INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (name, version),
    CHECK ((anchor_position IS NULL) = (anchor_event IS NULL))
) STRICT
