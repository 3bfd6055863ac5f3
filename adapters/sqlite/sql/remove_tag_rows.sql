-- Removes the tags of the events at the positions in the JSON array ?1 from the index.
DELETE FROM {prefix}event_tags
WHERE (tag, type, position) IN (
    SELECT tag.value, event.type, event.position
    FROM json_each(?1) AS leaving
    CROSS JOIN {prefix}events AS event ON event.position = leaving.value
    CROSS JOIN json_each(event.tags) AS tag
)
