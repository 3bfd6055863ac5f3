-- Verification of events: no position is missing, removed events are within an archive, the columns are valid, and each tag is in the tag index with the event's type. The
-- payload is JSON by the type of its column. See `verify_log`.
CREATE FUNCTION {schema}.verify_events(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_events$
#variable_conflict use_column
DECLARE
  _after bigint := coalesce(_key[1]::bigint, '-9223372036854775808');
  _page bigint[] := ARRAY(
    SELECT e.position FROM {schema}.events e WHERE e.position > _after AND e.position <= _up_to ORDER BY e.position LIMIT _limit);
  _rows bigint := pg_catalog.cardinality(_page);
  _last bigint := CASE WHEN _rows < _limit THEN _up_to ELSE _page[_rows] END;
BEGIN
  RETURN QUERY
  SELECT 'gap', g.first, CASE WHEN g.first = g.last THEN pg_catalog.format('position %s', g.first)
                              ELSE pg_catalog.format('positions %s to %s', g.first, g.last) END,
         'the log has no event there', NULL::bigint, NULL::text[]
  FROM (
    SELECT greatest(pg_catalog.lag(p.position, 1, _after) OVER (ORDER BY p.position), 0) + 1 AS first, p.position - 1 AS last
    FROM (SELECT pg_catalog.unnest(_page) AS position UNION ALL SELECT _last + 1 WHERE _rows < _limit) AS p) AS g
  WHERE g.first <= g.last;

  RETURN QUERY
  SELECT 'event', d.position, pg_catalog.format('position %s', d.position), d.problem, NULL::bigint, NULL::text[]
  FROM (
    SELECT e.position, pg_catalog.concat_ws('; ',
      CASE WHEN e.position < 1 THEN 'the position is below 1' END,
      CASE WHEN e.type <> '$gap' AND (e.type = '' OR pg_catalog.octet_length(e.type) > 200 OR pg_catalog.left(e.type, 1) = '$'
                                      OR e.type ~ '[[:space:][:cntrl:]]')
           THEN pg_catalog.format('the type `%s` is not valid', pg_catalog.left(e.type, 100)) END,
      CASE WHEN e.version < 0 OR e.version > 4294967295 THEN pg_catalog.format('the version %s is not valid', e.version) END,
      CASE WHEN e.type <> '$gap' AND NOT pg_catalog.isfinite(e.recorded_at) THEN 'the recorded time is infinite' END,
      CASE WHEN e.type = '$gap' AND pg_catalog.cardinality(e.tags) > 0 THEN 'a tombstone has tags' END,
      CASE WHEN e.type = '$gap' AND e.id <> '00000000-0000-0000-0000-000000000000' AND NOT EXISTS (
             SELECT FROM {schema}.archives a
             WHERE a.record->>'state' = 'complete'
               AND e.position BETWEEN (a.record->'removed'->>'first')::bigint AND (a.record->'removed'->>'last')::bigint)
           THEN 'the event is removed, and no archive has it' END,
      CASE WHEN pg_catalog.array_ndims(e.tags) > 1 THEN 'the tags have more than one dimension' END,
      (SELECT CASE WHEN t.tag IS NULL THEN 'a tag is NULL'
                   ELSE pg_catalog.format('the tag `%s` is not valid', pg_catalog.left(t.tag, 100)) END
       FROM pg_catalog.unnest(e.tags) AS t(tag)
       WHERE t.tag IS NULL OR pg_catalog.octet_length(t.tag) > 512 OR NOT t.tag ~ '^[a-z][a-z0-9_]{0,63}:' LIMIT 1),
      CASE WHEN pg_catalog.json_typeof(e.metadata) <> 'object' THEN 'the metadata is not a JSON object' END) AS problem
    FROM {schema}.events e WHERE e.position > _after AND e.position <= _last) AS d
  WHERE d.problem <> '';

  RETURN QUERY
  SELECT 'tags', e.position, pg_catalog.format('position %s', e.position),
         pg_catalog.format('the tag index lacks %s of the rows of the event, such as that of tag `%s` with type `%s`',
                           m.missing, m.example, e.type),
         NULL::bigint, NULL::text[]
  FROM {schema}.events e
  CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS missing, pg_catalog.min(t.tag) AS example
    FROM pg_catalog.unnest(e.tags) AS t(tag)
    WHERE NOT EXISTS (SELECT FROM {schema}.event_tags i WHERE i.tag = t.tag AND i.type = e.type AND i.position = e.position)) AS m
  WHERE e.position > _after AND e.position <= _last AND e.type <> '$gap' AND m.missing > 0;

  RETURN QUERY SELECT 'checked', NULL::bigint, NULL, NULL, _rows, ARRAY[_last::text];
END
$verify_events$
