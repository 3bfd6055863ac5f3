-- A payload that is stored in more than $7 bytes is NULL: see payloads_within.sql.
SELECT e.position, e.type, e.version, CASE WHEN pg_catalog.pg_column_size(e.data) <= $7 THEN e.data END, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.matching_positions($1, $2, $3, 1, $5, $4, $5, $6) AS m
CROSS JOIN LATERAL {schema}.events_at(m.positions) AS e
