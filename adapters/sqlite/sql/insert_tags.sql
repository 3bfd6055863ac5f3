-- OR FAIL: whoever fails here gives the transaction up, so no journal has to be kept for the statement alone.
-- The tags of the events behind ?1, from what was written about them.
INSERT OR FAIL INTO {prefix}event_tags (tag, type, position)
SELECT tag.value, event.type, event.position
FROM {prefix}events AS event, json_each(event.tags) AS tag
WHERE event.position > ?1
