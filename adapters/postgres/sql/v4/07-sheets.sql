-- What a fold needs of the events at these positions, which are in order: many events in one row, which costs both sides half of
-- what a row for each event does. Types and payloads are separated by U+001E, which no type contains and JSON escapes. The
-- version of an event stands behind its type and U+001F if it is not 1. Of events that stand side by side, the first position
-- says all.
--
-- Large payloads would make a text larger than there can be: with one among them, each event has a row of its own.
CREATE FUNCTION {schema}.sheets(_positions bigint[])
RETURNS TABLE (positions bigint[], types text, data text)
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $sheets$
#variable_conflict use_column
DECLARE
  _first bigint := _positions[1];
  _last bigint := _positions[cardinality(_positions)];
  _large int := 65536;
  _found bigint;
BEGIN
  IF _last - _first < cardinality(_positions) THEN
    positions := ARRAY[_first];
    SELECT count(*), string_agg(CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version END, E'\x1e'),
           string_agg(e.data::text, E'\x1e') INTO _found, types, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position >= _first AND e.position <= _last AND octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  ELSE
    positions := _positions;
    SELECT count(*), string_agg(CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version END, E'\x1e'),
           string_agg(e.data::text, E'\x1e') INTO _found, types, data
    FROM (
      SELECT e.type, e.version, e.data FROM {schema}.events e
      WHERE e.position = ANY (_positions) AND octet_length(e.data::text) < _large ORDER BY e.position) AS e;
  END IF;
  IF _found = cardinality(_positions) THEN
    RETURN NEXT;
  ELSE
    RETURN QUERY
    SELECT ARRAY[e.position], CASE e.version WHEN 1 THEN e.type ELSE e.type || E'\x1f' || e.version END, e.data::text
    FROM {schema}.events e WHERE e.position = ANY (_positions) ORDER BY e.position;
  END IF;
END
$sheets$
