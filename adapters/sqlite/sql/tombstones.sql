-- The events that have left the log for an archive, after the position ?1.
SELECT position, id FROM {prefix}events
WHERE type = '$gap' AND position > ?1
ORDER BY position
LIMIT ?2
