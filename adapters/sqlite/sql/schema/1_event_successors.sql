-- The successors of event names: which names a reader of an older name has to read too. The largest version is that of the whole list.
CREATE TABLE {prefix}event_successors (
    name TEXT NOT NULL, -- the older name
    successor TEXT NOT NULL,
    is_rename INTEGER NOT NULL CHECK (is_rename IN (0, 1)), -- whether it is the same event type
    since INTEGER NOT NULL, -- the position of the first event that was appended as a successor
    version INTEGER NOT NULL,
    PRIMARY KEY (name, successor)
) STRICT
