-- The names of the event types, each with its first and its last position: three searches of the index for each name, however
-- many events there are.
WITH RECURSIVE found (type) AS (
    SELECT min(type) FROM {prefix}events
    UNION ALL
    SELECT (SELECT min(type) FROM {prefix}events WHERE type > found.type)
    FROM found
    WHERE found.type IS NOT NULL
)
SELECT
    type,
    (SELECT min(position) FROM {prefix}events AS e WHERE e.type = found.type) AS first,
    (SELECT max(position) FROM {prefix}events AS e WHERE e.type = found.type) AS last
FROM found
WHERE type IS NOT NULL AND type <> '$gap'
