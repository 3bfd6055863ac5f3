-- The archives: ids whose events have left the log for a file, or are about to. The largest version in this table, in event_retags and in
-- event_successors is that of the whole list.
CREATE TABLE {prefix}archives (
    number INTEGER PRIMARY KEY,
    version INTEGER NOT NULL, -- of the list, when events last left or returned; 0 before
    last_removed INTEGER NOT NULL, -- the position of the last event that left; 0 if none did
    record TEXT NOT NULL -- JSON object: ids, state, file, counts, actor and times
) STRICT
