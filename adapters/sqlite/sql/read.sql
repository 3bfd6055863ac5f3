-- The first ?4 records in (?2, ?3] that match one of the probes ?1 (see matching.sql), and in a row of its own the position of the
-- last event of the log, its id and, as `recorded_at`, the version of the list of successors and, as `version`, whether ids are closed: one statement reads one snapshot. With ?5 the records have only the columns that a fold needs.
-- Payloads of more than 32 KiB are NULL: see payload.sql.
SELECT *
FROM (
    SELECT
        NULL AS head, position, type, version,
        CASE WHEN octet_length(data) <= 32768 THEN data END AS data,
        CASE WHEN NOT ?5 THEN id END AS id,
        CASE WHEN NOT ?5 THEN recorded_at END AS recorded_at,
        CASE WHEN NOT ?5 THEN tags END AS tags,
        CASE WHEN NOT ?5 THEN metadata END AS metadata
    FROM {prefix}events
    WHERE position IN ({matching})
    ORDER BY position
    LIMIT ?4 + 0
)
UNION ALL
SELECT
    coalesce(last.position, 0), NULL, NULL, EXISTS (SELECT 1 FROM {prefix}archived_ids), NULL, last.id,
    max(
        (SELECT coalesce(max(version), 0) FROM {prefix}event_successors),
        (SELECT coalesce(max(version), 0) FROM {prefix}event_retags),
        (SELECT coalesce(max(version), 0) FROM {prefix}archives)
    ), NULL, NULL
FROM (SELECT 1)
LEFT JOIN (SELECT position, id FROM {prefix}events ORDER BY position DESC LIMIT 1) AS last
