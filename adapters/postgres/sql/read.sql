-- Several reads in one snapshot: of each the events at its first positions, and one row without an event that tells how many
-- matching events stand behind the mark, and where those stand that are still to be fetched.
WITH found AS MATERIALIZED (
  SELECT r.read::int AS read, f.above, f.positions
  FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS r(after, up_to, read)
  CROSS JOIN LATERAL {schema}.find($4, $5, $6, r.read::int, $1, r.after, r.up_to, NULL) AS f)
SELECT NULL::bigint, NULL::text, NULL::bigint, NULL::json, NULL::uuid, NULL::timestamptz, NULL::text[], NULL::json,
       f.read, f.above, f.positions[$8 + 1:]
FROM found f
UNION ALL
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata, f.read, NULL, NULL
FROM found f CROSS JOIN LATERAL {schema}.at(f.positions[:$8], $7) AS e
