INSERT OR REPLACE INTO {prefix}commands (id, command, scope, recorded_at, receipt)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
