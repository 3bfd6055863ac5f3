SELECT position, event, keys, error, attempts, needs_newer
FROM {prefix}parked
WHERE projection = ?1 AND version = ?2 AND build = ?3
ORDER BY position
