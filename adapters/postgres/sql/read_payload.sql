-- As read.sql, but only payloads: many events in one row.
WITH found AS MATERIALIZED (
  SELECT m.read, m.seen_unsettled, m.positions FROM {schema}.matching_positions_batch($1, $2, $3, $4, $5, $6, $8, $9) AS m)
SELECT NULL::bigint[], NULL::text, NULL::text, f.read, f.seen_unsettled, f.positions[$7 + 1:]
FROM found f
UNION ALL
SELECT p.positions, p.types, p.data, f.read, NULL, NULL
FROM found f
CROSS JOIN pg_catalog.generate_series(1, least(pg_catalog.cardinality(f.positions), $7), 500) AS first
CROSS JOIN LATERAL {schema}.packed_events(f.positions[first:least(first + 499, $7)]) AS p
