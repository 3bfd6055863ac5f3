-- The events at these positions, which are in ascending order. Events at consecutive positions, as those of one append are,
-- are found by a single descent of the index.
CREATE FUNCTION {schema}.events_at(_positions bigint[])
RETURNS TABLE (
  "position" bigint, type text, version bigint, data json, id uuid, recorded_at timestamptz, tags text[], metadata json)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $events_at$
#variable_conflict use_column
DECLARE
  _first bigint := _positions[1];
  _last bigint := _positions[pg_catalog.cardinality(_positions)];
BEGIN
  IF _last - _first < pg_catalog.cardinality(_positions) THEN
    RETURN QUERY
    SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
    FROM {schema}.events e WHERE e.position >= _first AND e.position <= _last ORDER BY e.position;
  ELSE
    RETURN QUERY
    SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
    FROM {schema}.events e WHERE e.position = ANY (_positions) ORDER BY e.position;
  END IF;
END
$events_at$
