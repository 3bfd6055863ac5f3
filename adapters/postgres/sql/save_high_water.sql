-- The starting point of the next process. Does not wait for a lock: if another session holds the row, it is saving a mark itself.
-- Not if the log has lost the event at the mark ($1, $2), because an older copy has replaced it.
UPDATE {schema}.log SET high_water = $1
WHERE high_water < $1 AND only_row IN (SELECT l.only_row FROM {schema}.log l FOR UPDATE SKIP LOCKED)
  AND EXISTS (SELECT FROM {schema}.events e WHERE e.position = $1 AND e.id = $2)
