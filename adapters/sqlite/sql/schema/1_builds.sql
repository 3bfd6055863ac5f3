-- The builds of projections: their checkpoint and the shape of their rows. The tables with the rows are called
-- `{prefix}rows_…`; no other table of the log has a name that starts with this.
CREATE TABLE {prefix}builds (
    projection TEXT NOT NULL,
    version INTEGER NOT NULL,
    build INTEGER NOT NULL,
    log TEXT NOT NULL, -- the id of the log whose events are folded, which may be in another file
    shape TEXT NOT NULL, -- the columns of the rows; an opaque text, only compared and shown
    events TEXT NOT NULL, -- the events that it folds, as JSON; empty for a policy
    live INTEGER NOT NULL DEFAULT 0 CHECK (live IN (0, 1)), -- whether the view selects from this build
    inline_types TEXT, -- JSON array of the event types that it folds, if it is inline
    position INTEGER NOT NULL DEFAULT 0, -- the checkpoint
    anchor_position INTEGER, -- the last matching event up to the checkpoint
    anchor_event TEXT,
    parked INTEGER NOT NULL DEFAULT 0, -- the number of parked events
    stopped TEXT, -- why it is stopped, if it is
    updated_at INTEGER NOT NULL, -- microseconds since 1970
    claim_holder TEXT, -- the process that runs the follower, if one process at a time runs it
    claim_round INTEGER, -- how many challenges of other processes it has answered
    claim_challenged INTEGER CHECK (claim_challenged IN (0, 1)), -- whether another process waits for an answer
    PRIMARY KEY (projection, version, build),
    CHECK ((anchor_position IS NULL) = (anchor_event IS NULL)),
    CHECK ((claim_holder IS NULL) = (claim_round IS NULL) AND (claim_holder IS NULL) = (claim_challenged IS NULL))
) STRICT
