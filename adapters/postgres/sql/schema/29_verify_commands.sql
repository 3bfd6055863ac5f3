-- Verification of command ids: the events of each receipt are in the log or have left it for an archive, under the ids of the receipt. See `verify_log`.
CREATE FUNCTION {schema}.verify_commands(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_commands$
#variable_conflict use_column
DECLARE
  _after text := coalesce(_key[1], '');
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT c.id, c.positions, c.event_ids FROM {schema}.commands c WHERE c.id > _after ORDER BY c.id LIMIT _limit)
  SELECT 'command_id', d.position, pg_catalog.format('command id `%s`', p.id), d.problem, NULL::bigint, NULL::text[]
  FROM page p
  CROSS JOIN LATERAL (
    SELECT r.position, CASE
        WHEN r.position IS NULL OR r.event IS NULL THEN 'its receipt does not have one event id for each position'
        WHEN e.position IS NULL OR e.id = '00000000-0000-0000-0000-000000000000'
        THEN pg_catalog.format('it refers to event %s at position %s, where the log has no event', r.event, r.position)
        ELSE pg_catalog.format('it refers to event %s at position %s, where the log has event %s', r.event, r.position, e.id)
      END AS problem
    FROM ROWS FROM (pg_catalog.unnest(p.positions), pg_catalog.unnest(p.event_ids)) WITH ORDINALITY AS r(position, event, number)
    LEFT JOIN {schema}.events e ON e.position = r.position
    WHERE r.position IS NULL OR r.event IS NULL OR e.position IS NULL OR e.id <> r.event
    ORDER BY r.number LIMIT 1) AS d
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.id] FROM page p ORDER BY p.id DESC LIMIT 1);
END
$verify_commands$
