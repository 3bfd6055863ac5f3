-- Several reads in one snapshot. For each read one row without an event: the number of matching events beyond the settled position,
-- and the positions after the first $7, which are not included here. For each of the first $7 events a row, sent while the next
-- ones are read.
WITH found AS MATERIALIZED (
  SELECT m.read, m.seen_unsettled, m.positions FROM {schema}.matching_positions_batch($1, $2, $3, $4, $5, $6, $8, $9) AS m)
SELECT NULL::bigint, NULL::text, NULL::bigint, NULL::json, NULL::uuid, NULL::timestamptz, NULL::text[], NULL::json,
       f.read, f.seen_unsettled, f.positions[$7 + 1:]
FROM found f
UNION ALL
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata, f.read, NULL, NULL
FROM found f
CROSS JOIN pg_catalog.generate_series(1, least(pg_catalog.cardinality(f.positions), $7), 500) AS first
CROSS JOIN LATERAL {schema}.events_at(f.positions[first:least(first + 499, $7)]) AS e
