-- Whether there is an event of a type after a position.
SELECT EXISTS (SELECT 1 FROM {prefix}events WHERE type = ?1 AND position > ?2)
