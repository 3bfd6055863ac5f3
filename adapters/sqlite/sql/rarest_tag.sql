-- Which of the tags ?1 the fewest events carry. Nobody needs to know how many a frequent tag has, so counting stops.
SELECT one.value
FROM json_each(?1) AS one
ORDER BY (
    SELECT count(*)
    FROM (SELECT 1 FROM {prefix}event_tags WHERE tag = one.value LIMIT 256)
)
LIMIT 1
