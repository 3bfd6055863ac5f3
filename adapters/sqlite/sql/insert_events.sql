-- OR FAIL: an error rolls back the whole transaction, so SQLite need not be able to undo this statement alone.
INSERT OR FAIL INTO {prefix}events (position, id, type, version, recorded_at, tags, metadata, data)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
