-- `matching_positions` for several reads in one snapshot.
--
-- A function with a fixed number of ROWS, so that the calling statement has the same estimated cost whatever the reads are: it is
-- then planned once instead of for each execution, and never compiled.
CREATE FUNCTION {schema}.matching_positions_batch(
  _settled bigint, _after bigint[], _up_to bigint[], _of int[], _types text[], _tags text[])
RETURNS TABLE (read int, seen_unsettled bigint, positions bigint[])
LANGUAGE plpgsql STABLE ROWS 1
SET jit = off SET plan_cache_mode = force_generic_plan
AS $matching_positions_batch$
BEGIN
  FOR _read IN 1 .. pg_catalog.cardinality(_after) LOOP
    read := _read;
    SELECT m.seen_unsettled, m.positions INTO seen_unsettled, positions
    FROM {schema}.matching_positions(_of, _types, _tags, _read, _settled, _after[_read], _up_to[_read], NULL) AS m;
    RETURN NEXT;
  END LOOP;
END
$matching_positions_batch$
