INSERT INTO {prefix}events (position, id, type, version, recorded_at, tags, metadata, data)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
