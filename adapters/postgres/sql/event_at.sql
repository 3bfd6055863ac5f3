-- The id of the event that is or was at a position. A tombstone of no event has the id 0.
SELECT e.id FROM {schema}.events e
WHERE e.position = $1 AND e.id <> '00000000-0000-0000-0000-000000000000'
