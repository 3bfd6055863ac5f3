-- Replaces a tombstone by the event that has left it.
UPDATE {prefix}events
SET type = ?3, version = ?4, recorded_at = ?5, tags = ?6, metadata = ?7, data = ?8
WHERE position = ?1 AND id = ?2 AND type = '$gap'
