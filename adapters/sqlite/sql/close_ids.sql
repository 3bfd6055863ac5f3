-- Closes the ids in the JSON array ?2 for the archive ?1.
INSERT OR IGNORE INTO {prefix}archived_ids (id, archive)
SELECT value, ?1 FROM json_each(?2)
