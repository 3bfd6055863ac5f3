-- The payload of the event at position ?1.
SELECT data FROM {prefix}events WHERE position = ?1
