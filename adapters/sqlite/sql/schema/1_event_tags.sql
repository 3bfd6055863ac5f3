-- Which events carry a tag. The type stands in the key because nearly every question names both.
CREATE TABLE {prefix}event_tags (
    tag TEXT NOT NULL,
    type TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, type, position)
) STRICT, WITHOUT ROWID
