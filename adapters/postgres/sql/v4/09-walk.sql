-- One step of the settled mark, in one snapshot: of the next _rows rows behind _after, how many there are, the last of them, the
-- end of those that follow _after without a gap, and the first _limit gaps. A row follows another without a gap only if its
-- number is the next one, and a number that is taken cannot appear again: that is all that "settled" rests on.
--
-- The settings keep the server from compiling it: it expects millions of gaps.
CREATE FUNCTION {schema}.walk(
  _after bigint, _rows bigint, _limit bigint, OUT rows bigint, OUT head bigint, OUT settled bigint, OUT gaps bigint[])
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $walk$
BEGIN
  WITH step AS MATERIALIZED (
    SELECT p.position, p.position - lag(p.position, 1, _after) OVER (ORDER BY p.position) - 1 AS missing
    FROM (SELECT e.position FROM {schema}.events e WHERE e.position > _after ORDER BY e.position LIMIT _rows) AS p)
  SELECT
    (SELECT count(*) FROM step),
    (SELECT coalesce(max(s.position), _after) FROM step s),
    coalesce((SELECT min(s.position - s.missing - 1) FROM step s WHERE s.missing > 0),
             (SELECT max(s.position) FROM step s), _after),
    ARRAY(
      SELECT gap
      FROM step s
      CROSS JOIN LATERAL generate_series(s.position - s.missing, least(s.position, s.position - s.missing + _limit) - 1) AS gap
      WHERE s.missing > 0 ORDER BY gap LIMIT _limit)
  INTO rows, head, settled, gaps;
END
$walk$
