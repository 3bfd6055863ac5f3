-- The passes that add the tags of a kind of ids to the stored events of a type: a record of the change, and what programs have to know. The
-- largest version in this table and in event_successors is that of the whole list.
CREATE TABLE {prefix}event_retags (
    name TEXT NOT NULL, -- the type of the events
    kind TEXT NOT NULL, -- the kind of the ids
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- 0: running, 1: closing, 2: complete
    position INTEGER NOT NULL, -- up to here the events have the tags
    events INTEGER NOT NULL, -- how many were read
    changed INTEGER NOT NULL, -- how many of them got tags
    actor TEXT,
    started_at INTEGER NOT NULL, -- microseconds since 1970
    updated_at INTEGER NOT NULL, -- microseconds since 1970
    version INTEGER NOT NULL, -- of the list, when the state last changed
    PRIMARY KEY (name, kind)
) STRICT
