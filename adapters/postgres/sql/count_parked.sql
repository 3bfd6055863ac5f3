UPDATE {schema}.builds b
SET parked = (SELECT pg_catalog.count(*) FROM {schema}.parked p WHERE p.name = b.name AND p.version = b.version AND p.build = b.build)
WHERE b.name = $1 AND b.version = $2 AND b.build = $3
