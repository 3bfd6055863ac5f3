-- The number of events of type $1 and version $3, which is later than 1; at most $2. For the comparisons of rows see `stored_types`.
SELECT pg_catalog.count(*) AS count
FROM (SELECT 1 FROM {schema}.events e
      WHERE e.version > 1 AND (e.type, e.version, e.position) >= ($1, $3, 0)
        AND (e.type, e.version, e.position) <= ($1, $3, 9223372036854775807)
      ORDER BY e.type, e.version, e.position LIMIT $2) AS found
