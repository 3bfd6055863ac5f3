-- The tags of the events. The type is part of the key because most criteria name both a tag and types.
CREATE TABLE {prefix}event_tags (
    tag TEXT NOT NULL,
    type TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, type, position)
) STRICT, WITHOUT ROWID
