-- Snapshots of aggregate states, so that loading one need not read its whole history. Any row may be deleted: it is only a cache.
CREATE TABLE {prefix}snapshots (
    aggregate TEXT NOT NULL,
    tag TEXT NOT NULL, -- empty for an aggregate without a tag
    fingerprint INTEGER NOT NULL, -- of the code that folded the state: an unsigned 64-bit number, stored as signed
    position INTEGER NOT NULL, -- all matching events up to here are folded in
    state TEXT NOT NULL, -- JSON
    PRIMARY KEY (aggregate, tag)
) STRICT
