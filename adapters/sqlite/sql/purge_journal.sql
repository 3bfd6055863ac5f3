-- At most ?2 at a time, so that appends can run in between.
DELETE FROM {prefix}journal
WHERE number IN (SELECT number FROM {prefix}journal WHERE recorded_at < ?1 ORDER BY number LIMIT ?2 + 0)
