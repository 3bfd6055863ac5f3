-- Removes the snapshots of the ids in the JSON array ?1.
DELETE FROM {prefix}snapshots
WHERE tag IN (SELECT value FROM json_each(?1))
