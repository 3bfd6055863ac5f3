-- Replaces the payloads of events of the type $1. $2 and $3 have an element for each event: the position and the payload.
UPDATE {schema}.events e
SET data = r.data::json
FROM ROWS FROM (pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::text[])) AS r(position, data)
WHERE e.position = r.position AND e.type = $1
