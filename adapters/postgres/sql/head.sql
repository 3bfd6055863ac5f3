-- The highest position, and the last event. While no append is running, this is the end of the log.
SELECT (SELECT coalesce(pg_catalog.max(e.position), 0) FROM {schema}.events e) AS head, last.position, last.id
FROM (SELECT 1) AS one
LEFT JOIN (SELECT e.position, e.id FROM {schema}.events e WHERE e.type <> '$gap' ORDER BY e.position DESC LIMIT 1) AS last ON true
