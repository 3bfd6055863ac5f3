-- The events in (?1, ?2], to check that they can be read.
SELECT NULL AS head, position, type, version, data, id, recorded_at, tags, metadata
FROM {prefix}events
WHERE position > ?1 AND position <= ?2 AND type <> '$gap'
ORDER BY position
