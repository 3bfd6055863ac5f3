-- Replaces the events that have an id of the archive $1, and whose ids are all closed, by tombstones, which keep the ids of the events.
-- Returns how many there were, and the first and the last position; 0 without any.
WITH leaving AS MATERIALIZED (
  SELECT e.position, e.type, e.tags
  FROM {schema}.events e
  WHERE e.position IN (
    SELECT t.position FROM {schema}.archived_ids a JOIN {schema}.event_tags t ON t.tag = a.id WHERE a.archive = $1)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.unnest(e.tags) AS t(tag)
      WHERE NOT EXISTS (SELECT FROM {schema}.archived_ids a WHERE a.id = t.tag))),
untagged AS (
  DELETE FROM {schema}.event_tags i
  USING leaving l CROSS JOIN LATERAL pg_catalog.unnest(l.tags) AS t(tag)
  WHERE i.tag = t.tag AND i.type = l.type AND i.position = l.position),
removed AS (
  UPDATE {schema}.events e
  SET type = '$gap', version = 0, recorded_at = '-infinity', tags = '{}', data = 'null', metadata = '{}'
  FROM leaving l WHERE e.position = l.position)
SELECT pg_catalog.count(*) AS events, coalesce(pg_catalog.min(l.position), 0) AS first, coalesce(pg_catalog.max(l.position), 0) AS last
FROM leaving l
