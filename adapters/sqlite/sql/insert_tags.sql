-- The tags of the events behind ?1, from what was written about them.
INSERT INTO {prefix}event_tags (tag, type, position)
SELECT tag.value, event.type, event.position
FROM {prefix}events AS event, json_each(event.tags) AS tag
WHERE event.position > ?1
