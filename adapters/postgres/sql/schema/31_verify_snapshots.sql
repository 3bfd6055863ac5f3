-- Verification of snapshots: none is of a later position than the log has. See `verify_log`.
CREATE FUNCTION {schema}.verify_snapshots(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $verify_snapshots$
#variable_conflict use_column
DECLARE
  _aggregate text := coalesce(_key[1], '');
  _tag text := coalesce(_key[2], '');
  _end bigint := (SELECT coalesce(pg_catalog.max(e.position), 0) FROM {schema}.events e);
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT s.aggregate, s.tag, s.position FROM {schema}.snapshots s
    WHERE (s.aggregate, s.tag) > (_aggregate, _tag) ORDER BY s.aggregate, s.tag LIMIT _limit)
  SELECT 'snapshot', NULL::bigint, pg_catalog.format('snapshot of `%s` `%s`', p.aggregate, p.tag),
         pg_catalog.format('it is at position %s, and the log ends at %s', p.position, _end), NULL::bigint, NULL::text[]
  FROM page p WHERE p.position < 1 OR p.position > _end
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.aggregate, p.tag] FROM page p ORDER BY p.aggregate DESC, p.tag DESC LIMIT 1);
END
$verify_snapshots$
