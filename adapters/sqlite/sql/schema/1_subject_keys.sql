-- The keys of subjects, encrypted with a master key. A subject has one key at most: another one only after it was erased and readmitted.
CREATE TABLE {prefix}subject_keys (
    id TEXT PRIMARY KEY NOT NULL, -- UUID
    subject BLOB NOT NULL UNIQUE, -- a keyed hash of 32 bytes
    wrapped BLOB NOT NULL, -- the encrypted key
    master TEXT NOT NULL -- the name of the master key
) STRICT
