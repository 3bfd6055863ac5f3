-- The payloads of the events at these positions, which are in ascending order, packed into one row: for client and server half the
-- cost of a row for each event. Types and payloads are separated by U+001E, which no type contains and which JSON escapes.
-- A version other than 1 follows its type after U+001F. Of events at consecutive positions only the first position is
-- returned.
--
-- Large payloads could exceed the maximum size of a text, or the memory of a reader: if one of the events has one, each event gets a row
-- of its own.
CREATE FUNCTION {schema}.packed_events(_positions bigint[])
RETURNS TABLE (positions bigint[], types text, data text)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $packed_events$
#variable_conflict use_column
DECLARE
  _first bigint := _positions[1];
  _last bigint := _positions[pg_catalog.cardinality(_positions)];
  _large int := 16384;
  _packed bigint;
BEGIN
  IF _last - _first < pg_catalog.cardinality(_positions) THEN
    positions := ARRAY[_first];
    SELECT pg_catalog.count(*), pg_catalog.string_agg(CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version::text END, E'\x1e'),
           pg_catalog.string_agg(e.data::text, E'\x1e') INTO _packed, types, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position >= _first AND e.position <= _last AND pg_catalog.octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  ELSE
    positions := _positions;
    SELECT pg_catalog.count(*), pg_catalog.string_agg(CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version::text END, E'\x1e'),
           pg_catalog.string_agg(e.data::text, E'\x1e') INTO _packed, types, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position = ANY (_positions) AND pg_catalog.octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  END IF;
  IF _packed = pg_catalog.cardinality(_positions) THEN
    RETURN NEXT;
  ELSE
    RETURN QUERY
    SELECT ARRAY[e.position], CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version::text END, e.data::text
    FROM {schema}.events e WHERE e.position = ANY (_positions) ORDER BY e.position;
  END IF;
END
$packed_events$
