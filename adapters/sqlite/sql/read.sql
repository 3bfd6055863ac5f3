-- The first ?4 records in (?2, ?3] that match one of the probes ?1, and in a row of its own the position of the log's last
-- event: one statement is one snapshot.
SELECT *
FROM (
    SELECT NULL AS head, position, id, type, version, recorded_at, tags, metadata, data
    FROM {prefix}events
    WHERE position IN ({matching})
    ORDER BY position
    LIMIT ?4 + 0
)
UNION ALL
SELECT coalesce(max(position), 0), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM {prefix}events
