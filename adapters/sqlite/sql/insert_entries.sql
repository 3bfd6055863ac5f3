-- OR FAIL: an error rolls back the whole transaction, so SQLite need not be able to undo this statement alone.
INSERT OR FAIL INTO {prefix}journal (recorded_at, metadata, body, positions, rejection)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
