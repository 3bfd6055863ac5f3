-- A payload that is stored in more than $4 bytes is NULL: see payloads_within.sql.
SELECT e.position, e.type, e.version, CASE WHEN pg_catalog.pg_column_size(e.data) <= $4 THEN e.data END, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.feed_page($1, $2, $3) AS e
