INSERT INTO {schema}.parked (name, version, build, position, event, keys, error, attempts)
SELECT $1, $2, $3, p.position, p.event, p.keys::json, p.error::json, p.attempts
FROM unnest($4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::bigint[]) AS p(position, event, keys, error, attempts)
ON CONFLICT (name, version, build, position) DO UPDATE
SET event = excluded.event, keys = excluded.keys, error = excluded.error, attempts = excluded.attempts
