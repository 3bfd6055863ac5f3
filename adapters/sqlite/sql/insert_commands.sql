-- OR FAIL: an error rolls back the whole transaction, so SQLite need not be able to undo this statement alone.
INSERT OR FAIL INTO {prefix}commands (id, command, scope, recorded_at, receipt)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
