-- Several reads in one snapshot: of each how many matching events stand behind the mark, and where its events stand.
--
-- A function with a fixed number of ROWS, so that the statement around it looks equally cheap whatever is asked for: it is planned
-- once, not for each read anew, and is not compiled.
CREATE FUNCTION {schema}.find_all(
  _mark bigint, _after bigint[], _up_to bigint[], _of int[], _types text[], _tags text[])
RETURNS TABLE (read int, above bigint, positions bigint[])
LANGUAGE plpgsql STABLE ROWS 1
SET jit = off SET plan_cache_mode = force_generic_plan
AS $find_all$
BEGIN
  FOR _read IN 1 .. cardinality(_after) LOOP
    read := _read;
    SELECT f.above, f.positions INTO above, positions
    FROM {schema}.find(_of, _types, _tags, _read, _mark, _after[_read], _up_to[_read], NULL) AS f;
    RETURN NEXT;
  END LOOP;
END
$find_all$
