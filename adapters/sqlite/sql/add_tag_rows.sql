-- Adds the tags of the event at ?1 to the index.
INSERT OR IGNORE INTO {prefix}event_tags (tag, type, position)
SELECT tag.value, event.type, event.position
FROM {prefix}events AS event, json_each(event.tags) AS tag
WHERE event.position = ?1 AND event.type = ?2
