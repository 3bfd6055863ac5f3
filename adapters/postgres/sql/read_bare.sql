-- As read.sql, with only what a fold needs: many events in a row.
WITH found AS MATERIALIZED (SELECT f.read, f.above, f.positions FROM {schema}.find_all($1, $2, $3, $4, $5, $6) AS f)
SELECT NULL::bigint[], NULL::text, NULL::text, f.read, f.above, f.positions[$7 + 1:]
FROM found f
UNION ALL
SELECT s.positions, s.types, s.data, f.read, NULL, NULL
FROM found f
CROSS JOIN generate_series(1, least(cardinality(f.positions), $7), 500) AS first
CROSS JOIN LATERAL {schema}.sheets(f.positions[first:least(first + 499, $7)]) AS s
