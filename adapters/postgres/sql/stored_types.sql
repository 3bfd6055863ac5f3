-- The names of the event types, each with its first and its last position: a loose scan of the index by type, with three searches
-- for each name, however many events there are. The comparisons of rows leave the planner no other index: with `type = …` it might walk
-- the log from either end until it finds an event of the type.
WITH RECURSIVE found(type) AS (
  (SELECT e.type FROM {schema}.events e ORDER BY e.type LIMIT 1)
  UNION ALL
  SELECT (SELECT e.type FROM {schema}.events e WHERE e.type > found.type ORDER BY e.type LIMIT 1)
  FROM found WHERE found.type IS NOT NULL)
SELECT found.type,
       (SELECT e.position FROM {schema}.events e
        WHERE (e.type, e.position) >= (found.type, 0)
        ORDER BY e.type, e.position LIMIT 1) AS first,
       (SELECT e.position FROM {schema}.events e
        WHERE (e.type, e.position) <= (found.type, 9223372036854775807)
        ORDER BY e.type DESC, e.position DESC LIMIT 1) AS last
FROM found WHERE found.type <> '$gap'
