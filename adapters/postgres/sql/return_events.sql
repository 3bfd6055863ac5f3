-- Replaces tombstones by the events that have left them, and adds their tags to the index. Returns how many there were. Tags are array
-- literals.
WITH back AS MATERIALIZED (
  SELECT r.position, r.id, r.type, r.version, r.recorded_at, r.tags::text[] AS tags, r.metadata, r.data
  FROM ROWS FROM (
    pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::uuid[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::bigint[]),
    pg_catalog.unnest($5::timestamptz[]), pg_catalog.unnest($6::text[]), pg_catalog.unnest($7::text[]), pg_catalog.unnest($8::text[]))
    AS r(position, id, type, version, recorded_at, tags, metadata, data)),
returned AS (
  UPDATE {schema}.events e
  SET type = r.type, version = r.version, recorded_at = r.recorded_at, tags = r.tags, data = r.data::json, metadata = r.metadata::json
  FROM back r
  WHERE e.position = r.position AND e.id = r.id AND e.type = '$gap'
  RETURNING e.position, r.type, r.tags),
tagged AS (
  INSERT INTO {schema}.event_tags (tag, type, position)
  SELECT t.tag, r.type, r.position FROM returned r CROSS JOIN LATERAL pg_catalog.unnest(r.tags) AS t(tag))
SELECT pg_catalog.count(*) AS events FROM returned
