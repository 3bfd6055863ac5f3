-- The next events of an unfiltered feed, by a scan of the primary key.
CREATE FUNCTION {schema}.feed_page(_after bigint, _up_to bigint, _limit bigint)
RETURNS TABLE (
  "position" bigint, type text, version bigint, data json, id uuid, recorded_at timestamptz, tags text[], metadata json)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $feed_page$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
  FROM {schema}.events e
  WHERE e.position > _after AND e.position <= _up_to AND e.type <> '$gap'
  ORDER BY e.position LIMIT _limit;
END
$feed_page$
