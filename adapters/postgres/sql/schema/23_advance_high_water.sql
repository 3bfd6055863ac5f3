-- One step of the scan that advances the high-water mark, in one snapshot. Of the next _rows rows after _after: their number, the
-- highest position, the position up to which there is no gap, and the first _limit missing positions. A row follows another without
-- a gap only if its position is the next one, and a position that exists cannot appear again: "settled" rests on nothing else.
--
-- Starts at the saved mark if _after is 0. Also returns the id of the event at that position (NULL: there is none), and whether the
-- log has lost the newest event that the process has seen: _seen, NULL if it has seen none. And the version of the list of successors,
-- which has those of all events up to the mark.
--
-- jit = off: the server expects millions of gaps and would compile the statement.
CREATE FUNCTION {schema}.advance_high_water(
  _after bigint, _rows bigint, _limit bigint, _seen bigint, _seen_id uuid,
  OUT rows bigint, OUT head bigint, OUT high_water bigint, OUT gaps bigint[], OUT event_id uuid, OUT has_lost_events boolean,
  OUT successors bigint)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $advance_high_water$
BEGIN
  IF _after = 0 THEN
    SELECT l.high_water INTO _after FROM {schema}.log l;
  END IF;
  WITH step AS MATERIALIZED (
    SELECT p.position, p.position - pg_catalog.lag(p.position, 1, _after) OVER (ORDER BY p.position) - 1 AS missing
    FROM (SELECT e.position FROM {schema}.events e WHERE e.position > _after ORDER BY e.position LIMIT _rows) AS p)
  SELECT
    (SELECT pg_catalog.count(*) FROM step),
    (SELECT coalesce(pg_catalog.max(s.position), _after) FROM step s),
    coalesce((SELECT pg_catalog.min(s.position - s.missing - 1) FROM step s WHERE s.missing > 0),
             (SELECT pg_catalog.max(s.position) FROM step s), _after),
    ARRAY(
      SELECT gap
      FROM step s
      CROSS JOIN LATERAL pg_catalog.generate_series(s.position - s.missing, least(s.position, s.position - s.missing + _limit) - 1) AS gap
      WHERE s.missing > 0 ORDER BY gap LIMIT _limit)
  INTO rows, head, high_water, gaps;
  SELECT e.id INTO event_id FROM {schema}.events e WHERE e.position = high_water;
  successors := greatest(
    (SELECT pg_catalog.max(s.version) FROM {schema}.event_successors s), (SELECT pg_catalog.max(r.version) FROM {schema}.event_retags r),
    (SELECT pg_catalog.max(a.version) FROM {schema}.archives a), 0);
  has_lost_events := _seen IS NOT NULL
    AND NOT EXISTS (SELECT FROM {schema}.events e WHERE e.position = _seen AND e.id = _seen_id);
END
$advance_high_water$
