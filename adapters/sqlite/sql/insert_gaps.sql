INSERT INTO {prefix}gaps (first, last)
SELECT * FROM (VALUES (?, ?)) WHERE column1 IS NOT NULL
