-- The ids of erased keys. They stay, so that the row of a key that is restored from a backup is not used.
CREATE TABLE {prefix}erased_keys (
    id TEXT PRIMARY KEY NOT NULL -- UUID
) STRICT, WITHOUT ROWID
