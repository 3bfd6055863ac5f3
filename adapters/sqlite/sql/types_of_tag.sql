-- The types of the events that have the tag ?1: one search of the index for each type, however many events there are.
WITH RECURSIVE found (type) AS (
    SELECT min(type) FROM {prefix}event_tags WHERE tag = ?1
    UNION ALL
    SELECT (SELECT min(type) FROM {prefix}event_tags WHERE tag = ?1 AND type > found.type)
    FROM found
    WHERE found.type IS NOT NULL
)
SELECT type FROM found WHERE type IS NOT NULL
