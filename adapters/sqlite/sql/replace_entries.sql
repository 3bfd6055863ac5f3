INSERT OR REPLACE INTO {prefix}journal (number, recorded_at, metadata, body, positions, rejection)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
