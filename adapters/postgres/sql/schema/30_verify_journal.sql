-- Verification of the journal: the events of accepted commands are in the log, and the columns have the form of an entry. See
-- `verify_log`.
CREATE FUNCTION {schema}.verify_journal(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $verify_journal$
#variable_conflict use_column
DECLARE
  _after bigint := coalesce(_key[1]::bigint, '-9223372036854775808');
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT j.number, j.positions, pg_catalog.json_typeof(j.metadata) AS metadata, pg_catalog.json_typeof(j.rejection) AS rejection
    FROM {schema}.journal j WHERE j.number > _after ORDER BY j.number LIMIT _limit)
  SELECT 'journal', NULL::bigint, pg_catalog.format('journal entry %s', d.number), d.problem, NULL::bigint, NULL::text[]
  FROM (
    SELECT p.number, pg_catalog.concat_ws('; ',
      CASE WHEN p.number < 1 THEN 'the number is below 1' END,
      CASE WHEN p.metadata <> 'object' THEN 'the metadata is not a JSON object' END,
      CASE WHEN p.rejection <> 'string' THEN 'the rejection is not a JSON string' END,
      CASE WHEN p.rejection IS NOT NULL AND pg_catalog.cardinality(p.positions) > 0 THEN 'a rejected command has events' END,
      (SELECT CASE WHEN r.position IS NULL THEN 'a position is NULL'
                   ELSE pg_catalog.format('the log has no event at position %s', r.position) END
       FROM pg_catalog.unnest(p.positions) AS r(position) LEFT JOIN {schema}.events e ON e.position = r.position
       WHERE e.position IS NULL OR e.id = '00000000-0000-0000-0000-000000000000' LIMIT 1)) AS problem
    FROM page p) AS d
  WHERE d.problem <> ''
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[pg_catalog.max(p.number)::text] FROM page p HAVING pg_catalog.count(*) > 0);
END
$verify_journal$
