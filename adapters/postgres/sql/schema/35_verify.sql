-- Verification of the whole log by an administrator, in one snapshot: `SELECT * FROM {schema}.verify()` returns a row for each defect.
-- With a range of positions it checks only the events after the first and up to the second, and that their tags are in the index:
-- `SELECT * FROM {schema}.verify(1000000, 2000000)`. Needs only the right to read the tables.
--
-- The checks end at the high-water mark: the position up to which there is no gap, beginning with the saved one. So events whose
-- appends are running are no defects. Unlike `App::verify`, it does not check that payloads and metadata can be read by a program.
CREATE FUNCTION {schema}.verify(_after bigint DEFAULT NULL, _up_to bigint DEFAULT NULL)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, advice text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $verify$
DECLARE
  _end   bigint;
  _part  text;
  _parts text[] := ARRAY['events'];
  _key   text[];
  _rows  bigint;
  _row   record;
BEGIN
  SELECT coalesce(w.high_water, 0) INTO _end
  FROM {schema}.advance_high_water(
    (SELECT least(coalesce(pg_catalog.min(l.high_water), 0), coalesce((SELECT pg_catalog.max(e.position) FROM {schema}.events e), 0))
     FROM {schema}.log l),
    9223372036854775807, 0, NULL, NULL) AS w;
  IF _after IS NULL AND _up_to IS NULL THEN
    _parts := ARRAY['log', 'events', 'event_tags', 'commands', 'journal', 'snapshots', 'successors', 'builds', 'parked'];
  END IF;
  FOREACH _part IN ARRAY _parts LOOP
    _key := CASE WHEN _part = 'events' AND _after IS NOT NULL THEN ARRAY[_after::text] END;
    LOOP
      FOR _row IN SELECT p.* FROM {schema}.verify_page(_part, _key, least(_end, coalesce(_up_to, _end)), 1000) AS p LOOP
        IF _row.kind = 'checked' THEN
          _rows := _row.checked;
          _key := _row.last_key;
          CONTINUE;
        END IF;
        kind := _row.kind;
        position := _row.position;
        place := _row.place;
        problem := _row.problem;
        advice := CASE kind
          WHEN 'event' THEN 'restore the event from a backup'
          WHEN 'tags' THEN 'find out whether the event or the tag index was changed, and restore it; the rows of the index follow from the type and the tags of the event'
          WHEN 'gap' THEN 'restore the events from a backup'
          WHEN 'log' THEN 'set the sequence or the saved high-water mark to the last position of the log'
          WHEN 'command_id' THEN 'restore the row or its events from a backup; a row may be deleted if its command is never repeated'
          WHEN 'journal' THEN 'restore the entry or its events from a backup; no decision depends on an entry'
          WHEN 'snapshot' THEN 'delete the snapshot; the next load folds the events'
          WHEN 'successor' THEN 'restore the row or its event from a backup; a row may be deleted if no program runs any more that lacks the successor'
          WHEN 'checkpoint' THEN 'rebuild the projection; restart a policy after a check of what it has handled'
          WHEN 'parked' THEN 'discard the parked event, or rebuild the projection'
          WHEN 'build' THEN 'restore the row of the build from a backup, or rebuild the projection'
        END;
        RETURN NEXT;
      END LOOP;
      EXIT WHEN _rows < 1000;
    END LOOP;
  END LOOP;
END
$verify$
