INSERT OR REPLACE INTO {prefix}event_successors (name, successor, is_rename, since, version)
SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
