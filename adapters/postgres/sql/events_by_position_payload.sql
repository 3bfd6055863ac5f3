-- As events_by_position.sql, but only payloads: many events in one row.
SELECT p.positions, p.types, p.data
FROM pg_catalog.generate_series(1, pg_catalog.cardinality($1::bigint[]), 500) WITH ORDINALITY AS chunk(first, number)
CROSS JOIN LATERAL {schema}.packed_events(($1::bigint[])[chunk.first:chunk.first + 499]) AS p
ORDER BY chunk.number
