-- The last position that is taken, and the last event. While no append is under way, that is the end of the log.
SELECT (SELECT coalesce(max(e.position), 0) FROM {schema}.events e) AS head, last.position, last.id
FROM (SELECT 1) AS one
LEFT JOIN (SELECT e.position, e.id FROM {schema}.events e WHERE e.type <> '$gap' ORDER BY e.position DESC LIMIT 1) AS last ON true
