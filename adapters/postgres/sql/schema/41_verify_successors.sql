-- Verification of the successors of event names: each begins with an event of its name, and the names are those of event types. See
-- `verify_log`.
CREATE FUNCTION {schema}.verify_successors(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_successors$
#variable_conflict use_column
DECLARE
  _name text := coalesce(_key[1], '');
  _successor text := coalesce(_key[2], '');
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT s.name, s.successor, s.since, s.version FROM {schema}.event_successors s
    WHERE (s.name, s.successor) > (_name, _successor) ORDER BY s.name, s.successor LIMIT _limit)
  SELECT 'successor', NULL::bigint, pg_catalog.format('successor `%s` of `%s`', d.successor, d.name), d.problem, NULL::bigint, NULL::text[]
  FROM (
    SELECT p.name, p.successor, pg_catalog.concat_ws('; ',
      CASE WHEN p.version < 1 THEN 'the version is below 1' END,
      CASE WHEN p.name = '' OR p.name ~ '^\$|[[:space:][:cntrl:]]' THEN 'the older name is not that of an event type' END,
      CASE WHEN e.position IS NULL OR e.id = '00000000-0000-0000-0000-000000000000'
           THEN pg_catalog.format('the log has no event at position %s, where it begins', p.since)
           WHEN e.type <> p.successor AND e.type <> '$gap'
           THEN pg_catalog.format('the event at position %s, where it begins, has type `%s`', p.since, e.type) END) AS problem
    FROM page p LEFT JOIN {schema}.events e ON e.position = p.since) AS d
  WHERE d.problem <> ''
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.name, p.successor] FROM page p ORDER BY p.name DESC, p.successor DESC LIMIT 1);
END
$verify_successors$
