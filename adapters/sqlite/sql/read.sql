-- The first ?4 records in (?2, ?3] that match one of the probes ?1.
SELECT position, id, type, version, recorded_at, tags, metadata, data
FROM {prefix}events
WHERE position IN ({matching})
ORDER BY position
