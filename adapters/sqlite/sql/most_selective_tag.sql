-- The tag of the JSON array ?1 that the fewest events have. Counting stops at a limit: the exact number for a frequent tag does not
-- matter.
SELECT candidate.value
FROM json_each(?1) AS candidate
ORDER BY (
    SELECT count(*)
    FROM (SELECT 1 FROM {prefix}event_tags WHERE tag = candidate.value LIMIT 256)
)
LIMIT 1
