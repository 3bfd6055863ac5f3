-- The position and the id of the last event, and whether the log has the event ?2 at position ?1, if that is not NULL.
SELECT
    coalesce(last.position, 0),
    last.id,
    ?1 IS NULL OR EXISTS (SELECT 1 FROM {prefix}events WHERE position = ?1 AND id = ?2)
FROM (SELECT 1)
LEFT JOIN (SELECT position, id FROM {prefix}events ORDER BY position DESC LIMIT 1) AS last
