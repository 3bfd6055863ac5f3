-- One row: how many calls have erased a subject, and the key of the keyed hashes, NULL until it is made. That key is never removed:
-- without it no subject would be found.
CREATE TABLE {prefix}key_state (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    erasures INTEGER NOT NULL DEFAULT 0,
    hash_key_id TEXT,
    hash_key_subject BLOB,
    hash_key_wrapped BLOB,
    hash_key_master TEXT
) STRICT
