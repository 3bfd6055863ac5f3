-- The events that have left the log for an archive, after the position $1. A tombstone of no event has the id 0.
SELECT e.position, e.id FROM {schema}.events e
WHERE e.type = '$gap' AND e.id <> '00000000-0000-0000-0000-000000000000' AND e.position > $1
ORDER BY e.position
LIMIT $2
