-- Adds tags to the events of the type $1, and to the index. $2 and $3 have an element for each tag: the position and the tag.
WITH added AS MATERIALIZED (
  SELECT a.position, a.tag FROM ROWS FROM (pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::text[])) AS a(position, tag)),
changed AS (
  UPDATE {schema}.events e
  SET tags = ARRAY(
    SELECT t.tag
    FROM (SELECT pg_catalog.unnest(e.tags) UNION SELECT a.tag FROM added a WHERE a.position = e.position) AS t(tag)
    ORDER BY t.tag COLLATE "C")
  WHERE e.position = ANY ($2) AND e.type = $1
  RETURNING e.position)
INSERT INTO {schema}.event_tags (tag, type, position)
SELECT a.tag, $1, a.position FROM added a JOIN changed c ON c.position = a.position
ON CONFLICT DO NOTHING
