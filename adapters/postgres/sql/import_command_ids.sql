-- Of an id that is given twice, the last row counts.
INSERT INTO {schema}.commands (id, command, scope, recorded_at, positions, event_ids)
SELECT DISTINCT ON (c.id) c.id, c.command, c.scope, c.recorded_at, c.positions::bigint[], c.event_ids::uuid[]
FROM ROWS FROM (
  pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]),
  pg_catalog.unnest($4::timestamptz[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[])) WITH ORDINALITY
  AS c(id, command, scope, recorded_at, positions, event_ids, row)
ORDER BY c.id, c.row DESC
ON CONFLICT (id) DO UPDATE SET
  command = EXCLUDED.command, scope = EXCLUDED.scope, recorded_at = EXCLUDED.recorded_at,
  positions = EXCLUDED.positions, event_ids = EXCLUDED.event_ids
