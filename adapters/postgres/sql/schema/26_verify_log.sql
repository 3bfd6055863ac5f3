-- Verification of the log's own state: the saved high-water mark, the sequence that assigns positions, the row of the log.
--
-- This and the next functions each check one part of what is stored, a page at a time, and return a row for each defect: its kind,
-- the position of the event if it is about one, the place and the problem. The last row has the kind `checked`: the number of rows
-- of the page, and the key of its last row, with which the next page begins.
--
-- _key    the key of the last row that was checked; NULL for the first page
-- _up_to  a settled position: events after it are not checked
-- _limit  the number of rows of a page
--
-- STABLE: a page is one snapshot, so that a transaction of others is visible completely or not at all. The plans walk indexes from the
-- key on, whatever the statistics say, so that a page costs the same at any place of a log of any size.
CREATE FUNCTION {schema}.verify_log(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $verify_log$
#variable_conflict use_column
DECLARE
  _end bigint := (SELECT coalesce(pg_catalog.max(e.position), 0) FROM {schema}.events e);
  -- Read after the snapshot was taken, so it is never below a position of the snapshot. NULL: this role may not know it.
  _assigned bigint := CASE
    WHEN pg_catalog.has_sequence_privilege('{schema}.events_position_seq', 'USAGE, SELECT')
    THEN coalesce(pg_catalog.pg_sequence_last_value('{schema}.events_position_seq'), 0) END;
BEGIN
  RETURN QUERY
  SELECT 'log', NULL::bigint, 'the saved high-water mark',
         pg_catalog.format('it is %s, and the log ends at position %s', l.high_water, _end), NULL::bigint, NULL::text[]
  FROM {schema}.log l WHERE l.high_water > _end OR l.high_water < 0;
  IF _assigned < _end THEN
    RETURN QUERY SELECT 'log', NULL::bigint, 'the sequence of positions',
      pg_catalog.format('its last value is %s, and the log ends at position %s: the next positions already exist', _assigned, _end),
      NULL::bigint, NULL::text[];
  END IF;
  IF NOT EXISTS (SELECT FROM {schema}.log) THEN
    RETURN QUERY SELECT 'log', NULL::bigint, 'the row of the log', 'it is missing', NULL::bigint, NULL::text[];
  END IF;
  RETURN QUERY SELECT 'checked', NULL::bigint, NULL, NULL, 1::bigint, NULL::text[];
END
$verify_log$
