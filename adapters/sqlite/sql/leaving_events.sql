-- The positions of the events that have an id of the archive ?1, and whose ids are all closed.
SELECT event.position
FROM {prefix}events AS event
WHERE event.position IN (
    SELECT tagged.position
    FROM {prefix}archived_ids AS closed
    CROSS JOIN {prefix}event_tags AS tagged ON tagged.tag = closed.id
    WHERE closed.archive = ?1
)
    AND NOT EXISTS (
        SELECT 1
        FROM json_each(event.tags) AS tag
        WHERE NOT EXISTS (SELECT 1 FROM {prefix}archived_ids AS other WHERE other.id = tag.value)
    )
ORDER BY event.position
