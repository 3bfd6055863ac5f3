-- One step of the settled mark, in one snapshot: of the next $2 rows behind $1, how many there are, the last of them, the
-- end of those that follow $1 without a hole, and the first holes. A row follows another without a hole only if its
-- number is the next one, and a number that is taken cannot appear again: that is all that "settled" rests on.
WITH step AS MATERIALIZED (
  SELECT p.position, p.position - lag(p.position, 1, $1) OVER (ORDER BY p.position) - 1 AS missing
  FROM (SELECT e.position FROM {schema}.events e WHERE e.position > $1 ORDER BY e.position LIMIT $2) AS p)
SELECT
  (SELECT count(*) FROM step) AS rows,
  (SELECT coalesce(max(s.position), $1) FROM step s) AS head,
  coalesce((SELECT min(s.position - s.missing - 1) FROM step s WHERE s.missing > 0),
           (SELECT max(s.position) FROM step s), $1) AS settled,
  ARRAY(
    SELECT hole
    FROM step s CROSS JOIN LATERAL generate_series(s.position - s.missing, least(s.position, s.position - s.missing + $3) - 1) AS hole
    WHERE s.missing > 0 ORDER BY hole LIMIT $3) AS holes
