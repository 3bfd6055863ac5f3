-- The tags ?1 of the event of type ?2 at position ?3.
INSERT INTO {prefix}event_tags (tag, type, position)
SELECT value, ?2, ?3 FROM json_each(?1)
