-- The events in ($1, $2], to check that they can be read.
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.events e
WHERE e.position > $1 AND e.position <= $2 AND e.type <> '$gap'
ORDER BY e.position
