-- Several reads in one snapshot: of each one row without an event that tells how many matching events stand behind the mark, and
-- where those stand that are not among its first $7; and those as rows, sent while the next ones are found.
WITH found AS MATERIALIZED (SELECT f.read, f.above, f.positions FROM {schema}.find_all($1, $2, $3, $4, $5, $6) AS f)
SELECT NULL::bigint, NULL::text, NULL::bigint, NULL::json, NULL::uuid, NULL::timestamptz, NULL::text[], NULL::json,
       f.read, f.above, f.positions[$7 + 1:]
FROM found f
UNION ALL
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata, f.read, NULL, NULL
FROM found f
CROSS JOIN generate_series(1, least(cardinality(f.positions), $7), 500) AS first
CROSS JOIN LATERAL {schema}.at(f.positions[first:least(first + 499, $7)]) AS e
