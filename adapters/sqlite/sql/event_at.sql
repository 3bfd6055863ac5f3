-- The id of the event that is or was at the position ?1.
SELECT id FROM {prefix}events WHERE position = ?1
