-- As `remove_events` leaves them.
INSERT OR FAIL INTO {prefix}events (position, id, type, version, recorded_at, tags, metadata, data)
SELECT column1, column2, '$gap', 1, -9223372036854775808, '[]', '{}', 'null'
FROM (VALUES (?, ?))
WHERE column1 IS NOT NULL
