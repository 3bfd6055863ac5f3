-- What a fold needs of the events at these positions, which are in order: many events in one row, which costs both sides half of
-- what a row for each event does. Types and payloads are separated by U+001E, which no type contains and JSON escapes.
--
-- Large payloads would make a text larger than there can be: with one among them, each event has a row of its own.
CREATE FUNCTION {schema}.sheets(_positions bigint[])
RETURNS TABLE (positions bigint[], types text, versions bigint[], data text)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $sheets$
#variable_conflict use_column
DECLARE
  _first bigint := _positions[1];
  _last bigint := _positions[cardinality(_positions)];
  _large int := 65536;
BEGIN
  IF _last - _first < cardinality(_positions) THEN
    SELECT string_agg(e.type, E'\x1e'), array_agg(e.version), string_agg(e.data::text, E'\x1e') INTO types, versions, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position >= _first AND e.position <= _last AND octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  ELSE
    SELECT string_agg(e.type, E'\x1e'), array_agg(e.version), string_agg(e.data::text, E'\x1e') INTO types, versions, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position = ANY (_positions) AND octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  END IF;
  IF cardinality(versions) = cardinality(_positions) THEN
    positions := _positions;
    RETURN NEXT;
  ELSE
    RETURN QUERY
    SELECT ARRAY[e.position], e.type, ARRAY[e.version], e.data::text
    FROM {schema}.events e WHERE e.position = ANY (_positions) ORDER BY e.position;
  END IF;
END
$sheets$
