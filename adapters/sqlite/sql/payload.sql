-- The payload of the event at position ?1, unless it has left the log since its row was read.
SELECT data FROM {prefix}events WHERE position = ?1 AND type <> '$gap'
