-- As rest.sql, with only what a fold needs: many events in a row.
SELECT s.positions, s.types, s.data
FROM generate_series(1, cardinality($1::bigint[]), 500) WITH ORDINALITY AS part(first, number)
CROSS JOIN LATERAL {schema}.sheets(($1::bigint[])[part.first:part.first + 499]) AS s
ORDER BY part.number
