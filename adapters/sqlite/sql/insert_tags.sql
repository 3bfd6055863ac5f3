-- OR FAIL: an error rolls back the whole transaction, so SQLite need not be able to undo this statement alone.
-- The tags of the events that insert_events.sql has just inserted, from their rows. The driver binds ?1 to the first parameter of
-- both statements: the position of the first of them.
INSERT OR FAIL INTO {prefix}event_tags (tag, type, position)
SELECT tag.value, event.type, event.position
FROM {prefix}events AS event, json_each(event.tags) AS tag
WHERE event.position >= ?1
