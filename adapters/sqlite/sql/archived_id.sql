-- The first of the ids in the JSON array ?1 that is closed, with its archive.
SELECT closed.id, archive.record
FROM {prefix}archived_ids AS closed
JOIN {prefix}archives AS archive ON archive.number = closed.archive
WHERE closed.id IN (SELECT value FROM json_each(?1))
LIMIT 1
