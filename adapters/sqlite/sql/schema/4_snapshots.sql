-- States that spare a long past. Any row may be deleted: the next state that is due is kept again.
CREATE TABLE {prefix}snapshots (
    aggregate TEXT NOT NULL,
    tag TEXT NOT NULL, -- the empty text for an aggregate without a tag
    fingerprint INTEGER NOT NULL, -- of the code that folded the state: the 64 bits of a number without a sign
    position INTEGER NOT NULL, -- what matches up to here is folded in
    state TEXT NOT NULL, -- JSON
    PRIMARY KEY (aggregate, tag)
) STRICT
