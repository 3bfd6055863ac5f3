-- The events at these positions, sent while the next ones are read.
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM pg_catalog.generate_series(1, pg_catalog.cardinality($1::bigint[]), 500) WITH ORDINALITY AS chunk(first, number)
CROSS JOIN LATERAL {schema}.events_at(($1::bigint[])[chunk.first:chunk.first + 499]) AS e
ORDER BY chunk.number
