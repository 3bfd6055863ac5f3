-- OR FAIL: whoever fails here gives the transaction up, so no journal has to be kept for the statement alone.
INSERT OR FAIL INTO {prefix}commands (id, command, scope, recorded_at, receipt)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
