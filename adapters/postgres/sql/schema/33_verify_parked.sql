-- Verification of parked events: each is in the log, not after the checkpoint of its build, and the columns have the form of a parked
-- event. Whether events of another log exist is not checked here. See `verify_log`.
CREATE FUNCTION {schema}.verify_parked(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_parked$
#variable_conflict use_column
DECLARE
  _name text := coalesce(_key[1], '');
  _version bigint := coalesce(_key[2]::bigint, '-9223372036854775808');
  _build bigint := coalesce(_key[3]::bigint, '-9223372036854775808');
  _position bigint := coalesce(_key[4]::bigint, '-9223372036854775808');
  _log uuid := (SELECT l.id FROM {schema}.log l);
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT k.name, k.version, k.build, k.position, k.event, k.attempts,
           pg_catalog.json_typeof(k.keys) AS keys, pg_catalog.json_typeof(k.error) AS error
    FROM {schema}.parked k WHERE (k.name, k.version, k.build, k.position) > (_name, _version, _build, _position)
    ORDER BY k.name, k.version, k.build, k.position LIMIT _limit)
  SELECT 'parked', d.position,
         pg_catalog.format('build `%s`', d.name || '_v' || d.version || CASE WHEN d.build > 0 THEN '_' || d.build ELSE '' END),
         d.problem, NULL::bigint, NULL::text[]
  FROM (
    SELECT p.name, p.version, p.build, p.position, pg_catalog.concat_ws('; ',
      CASE WHEN b.name IS NULL THEN pg_catalog.format('the event at position %s is parked, but the build does not exist', p.position) END,
      CASE WHEN p.position > b.position OR p.position < 1
           THEN pg_catalog.format('the event at position %s is parked, but the checkpoint is at %s', p.position, b.position) END,
      CASE WHEN b.log = _log AND (e.position IS NULL OR e.id = '00000000-0000-0000-0000-000000000000')
           THEN pg_catalog.format('it refers to event %s at position %s, where the log has no event', p.event, p.position)
           WHEN b.log = _log AND e.id <> p.event
           THEN pg_catalog.format('it refers to event %s at position %s, where the log has event %s', p.event, p.position, e.id) END,
      CASE WHEN p.keys <> 'array' OR p.error <> 'string' OR p.attempts NOT BETWEEN 0 AND 4294967295
           THEN pg_catalog.format('the parked event at position %s has invalid keys, errors or attempts', p.position) END) AS problem
    FROM page p
    LEFT JOIN {schema}.builds b ON b.name = p.name AND b.version = p.version AND b.build = p.build
    LEFT JOIN {schema}.events e ON e.position = p.position) AS d
  WHERE d.problem <> ''
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.name, p.version::text, p.build::text, p.position::text] FROM page p
          ORDER BY p.name DESC, p.version DESC, p.build DESC, p.position DESC LIMIT 1);
END
$verify_parked$
