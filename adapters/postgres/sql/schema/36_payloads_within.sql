-- The payloads of the events at these positions, which are in ascending order: the first ones that have at most _bytes bytes together,
-- and at least one. Only their sizes as texts count, because a stored value may be compressed.
CREATE FUNCTION {schema}.payloads_within(_positions bigint[], _bytes bigint)
RETURNS TABLE ("position" bigint, data json)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $payloads_within$
#variable_conflict use_column
DECLARE
  _room bigint := _bytes;
BEGIN
  FOR position, data IN
    SELECT e.position, e.data FROM {schema}.events e WHERE e.position = ANY (_positions) AND e.type <> '$gap' ORDER BY e.position
  LOOP
    _room := _room - pg_catalog.octet_length(data::text);
    EXIT WHEN _room < 0 AND position > _positions[1];
    RETURN NEXT;
  END LOOP;
END
$payloads_within$
