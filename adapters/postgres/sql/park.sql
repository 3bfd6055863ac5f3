INSERT INTO {schema}.parked (name, version, build, position, event, keys, error, attempts, needs_newer)
SELECT $1, $2, $3, p.position, p.event, p.keys::json, p.error::json, p.attempts, p.needs_newer
FROM ROWS FROM (pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::uuid[]), pg_catalog.unnest($6::text[]),
                pg_catalog.unnest($7::text[]), pg_catalog.unnest($8::bigint[]), pg_catalog.unnest($9::boolean[]))
  AS p(position, event, keys, error, attempts, needs_newer)
ON CONFLICT (name, version, build, position) DO UPDATE
SET event = excluded.event, keys = excluded.keys, error = excluded.error, attempts = excluded.attempts,
    needs_newer = excluded.needs_newer
