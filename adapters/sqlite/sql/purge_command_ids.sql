-- At most ?2 at a time, so that appends can run in between.
DELETE FROM {prefix}commands
WHERE rowid IN (SELECT rowid FROM {prefix}commands WHERE id >= ?3 AND id < ?4 AND recorded_at < ?1 LIMIT ?2 + 0)
