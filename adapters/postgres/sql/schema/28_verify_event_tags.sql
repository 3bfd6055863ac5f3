-- Verification of the tag index: each row has an event with this tag and this type. A walk of the index in its order, because it has
-- none by position. See `verify_log`.
CREATE FUNCTION {schema}.verify_event_tags(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_event_tags$
#variable_conflict use_column
DECLARE
  _tag text := coalesce(_key[1], '');
  _type text := coalesce(_key[2], '');
  _position bigint := coalesce(_key[3]::bigint, '-9223372036854775808');
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT t.tag, t.type, t.position FROM {schema}.event_tags t
    WHERE (t.tag, t.type, t.position) > (_tag, _type, _position)
    ORDER BY t.tag, t.type, t.position LIMIT _limit)
  SELECT 'tags', p.position, pg_catalog.format('position %s', p.position),
         pg_catalog.format('the tag index has a row of tag `%s` with type `%s`, but %s', p.tag, p.type,
           CASE WHEN e.type IS NULL THEN 'the log has no event there'
                WHEN e.type <> p.type THEN pg_catalog.format('the event has type `%s`', e.type)
                ELSE 'the event does not have the tag' END),
         NULL::bigint, NULL::text[]
  FROM page p LEFT JOIN {schema}.events e ON e.position = p.position
  WHERE e.type IS NULL OR e.type <> p.type OR (p.tag = ANY (e.tags)) IS NOT TRUE
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.tag, p.type, p.position::text] FROM page p ORDER BY p.tag DESC, p.type DESC, p.position DESC LIMIT 1);
END
$verify_event_tags$
