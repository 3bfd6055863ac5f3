-- Adds the tags in the JSON array ?3 to the event at ?1, if it is of the type ?2.
UPDATE {prefix}events
SET tags = (
    SELECT json_group_array(tag ORDER BY tag)
    FROM (SELECT value AS tag FROM json_each(tags) UNION SELECT value FROM json_each(?3))
)
WHERE position = ?1 AND type = ?2
