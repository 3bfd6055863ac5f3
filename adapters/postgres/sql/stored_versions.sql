-- The versions after version 1 in which events are stored, each with its first and its last position: a loose scan of the index by
-- version, with three searches for each, however many events there are. For the comparisons of rows see `stored_types`.
WITH RECURSIVE found(type, version) AS (
  (SELECT e.type, e.version FROM {schema}.events e WHERE e.version > 1 ORDER BY e.type, e.version LIMIT 1)
  UNION ALL
  SELECT next.type, next.version
  FROM found CROSS JOIN LATERAL (
    SELECT e.type, e.version FROM {schema}.events e
    WHERE e.version > 1 AND (e.type, e.version) > (found.type, found.version)
    ORDER BY e.type, e.version LIMIT 1) AS next)
SELECT found.type, found.version,
       (SELECT e.position FROM {schema}.events e
        WHERE e.version > 1 AND (e.type, e.version, e.position) >= (found.type, found.version, 0)
        ORDER BY e.type, e.version, e.position LIMIT 1) AS first,
       (SELECT e.position FROM {schema}.events e
        WHERE e.version > 1 AND (e.type, e.version, e.position) <= (found.type, found.version, 9223372036854775807)
        ORDER BY e.type DESC, e.version DESC, e.position DESC LIMIT 1) AS last
FROM found
