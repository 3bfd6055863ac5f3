-- The number of events in ($3, $4] that match any of the items ($1, $2).
SELECT count(DISTINCT m.position) AS count
FROM unnest($1::text[], $2::text[]) AS i(types, tags)
CROSS JOIN LATERAL {schema}.matching(i.types::text[], i.tags::text[], $3, $4, NULL) AS m(position)
