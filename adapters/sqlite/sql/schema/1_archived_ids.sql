-- The closed ids, as the tags of events have them.
CREATE TABLE {prefix}archived_ids (
    id TEXT PRIMARY KEY,
    archive INTEGER NOT NULL -- its number
) STRICT, WITHOUT ROWID
