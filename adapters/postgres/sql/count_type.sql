-- The number of events of type $1, at most $2. For the comparisons of rows see `stored_types`.
SELECT pg_catalog.count(*) AS count
FROM (SELECT 1 FROM {schema}.events e
      WHERE (e.type, e.position) >= ($1, 0) AND (e.type, e.position) <= ($1, 9223372036854775807)
      ORDER BY e.type, e.position LIMIT $2) AS found
