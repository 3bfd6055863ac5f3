-- Of two names that are given twice, the last row counts.
INSERT INTO {schema}.event_successors (name, successor, is_rename, since, version)
SELECT DISTINCT ON (s.name, s.successor) s.name, s.successor, s.is_rename, s.since, $5
FROM ROWS FROM (
  pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::boolean[]), pg_catalog.unnest($4::bigint[]))
  WITH ORDINALITY AS s(name, successor, is_rename, since, row)
ORDER BY s.name, s.successor, s.row DESC
ON CONFLICT (name, successor) DO UPDATE
SET is_rename = EXCLUDED.is_rename, since = EXCLUDED.since, version = EXCLUDED.version
