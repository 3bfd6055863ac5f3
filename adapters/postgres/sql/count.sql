-- The number of events in ($3, $4] that match any of the items ($1, $2).
SELECT pg_catalog.count(DISTINCT m.position) AS count
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS i(types, tags)
CROSS JOIN LATERAL {schema}.matching(i.types::text[], i.tags::text[], $3, $4, NULL) AS m(position)
