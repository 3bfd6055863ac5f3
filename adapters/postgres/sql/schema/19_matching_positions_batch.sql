-- `matching_positions` for several reads in one snapshot. Raises AN003 if the log has lost the newest event that the process has seen:
-- _seen, NULL if no read continues an earlier one. Raises AN004 with the id and the record of its archive if a read is by a closed id.
--
-- A function with a fixed number of ROWS, so that the calling statement has the same estimated cost whatever the reads are: it is
-- then planned once instead of for each execution, and never compiled.
CREATE FUNCTION {schema}.matching_positions_batch(
  _settled bigint, _after bigint[], _up_to bigint[], _of int[], _types text[], _tags text[], _seen bigint, _seen_id uuid)
RETURNS TABLE (read int, seen_unsettled bigint, positions bigint[])
LANGUAGE plpgsql STABLE ROWS 1
SET jit = off SET plan_cache_mode = force_generic_plan
AS $matching_positions_batch$
DECLARE
  _closed_id text;
  _record text;
BEGIN
  IF _seen IS NOT NULL AND NOT EXISTS (SELECT FROM {schema}.events e WHERE e.position = _seen AND e.id = _seen_id) THEN
    RAISE EXCEPTION 'the log has lost event % at position %', _seen_id, _seen USING ERRCODE = 'AN003';
  END IF;
  IF EXISTS (SELECT FROM {schema}.archived_ids) THEN
    SELECT a.id, r.record::text INTO _closed_id, _record
    FROM pg_catalog.unnest(_tags) AS i(tags)
    CROSS JOIN LATERAL pg_catalog.unnest(i.tags::text[]) AS t(tag)
    JOIN {schema}.archived_ids a ON a.id = t.tag
    JOIN {schema}.archives r ON r.number = a.archive
    LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION '%', _closed_id USING ERRCODE = 'AN004', DETAIL = _record;
    END IF;
  END IF;
  FOR _read IN 1 .. pg_catalog.cardinality(_after) LOOP
    read := _read;
    SELECT m.seen_unsettled, m.positions INTO seen_unsettled, positions
    FROM {schema}.matching_positions(_of, _types, _tags, _read, _settled, _after[_read], _up_to[_read], NULL) AS m;
    RETURN NEXT;
  END LOOP;
END
$matching_positions_batch$
