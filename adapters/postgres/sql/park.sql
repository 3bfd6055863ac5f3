INSERT INTO {schema}.parked (name, version, build, position, event, keys, error, attempts)
SELECT $1, $2, $3, p.position, p.event, p.keys::json, p.error::json, p.attempts
FROM ROWS FROM (pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::uuid[]), pg_catalog.unnest($6::text[]),
                pg_catalog.unnest($7::text[]), pg_catalog.unnest($8::bigint[])) AS p(position, event, keys, error, attempts)
ON CONFLICT (name, version, build, position) DO UPDATE
SET event = excluded.event, keys = excluded.keys, error = excluded.error, attempts = excluded.attempts
