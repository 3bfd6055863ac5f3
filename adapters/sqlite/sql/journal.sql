SELECT number, recorded_at, metadata, body, positions, rejection
FROM {prefix}journal
WHERE number > ?1
ORDER BY number
LIMIT ?2 + 0
