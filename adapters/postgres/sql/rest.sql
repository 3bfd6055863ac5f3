-- The events at these positions, sent while the next ones are found.
SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM generate_series(1, cardinality($1::bigint[]), 500) WITH ORDINALITY AS part(first, number)
CROSS JOIN LATERAL {schema}.at(($1::bigint[])[part.first:part.first + 499]) AS e
ORDER BY part.number
