-- Of a number that is given twice, the last row counts.
INSERT INTO {schema}.journal (number, recorded_at, metadata, body, positions, rejection)
SELECT DISTINCT ON (j.number) j.number, j.recorded_at, j.metadata, j.body, j.positions::bigint[], j.rejection
FROM ROWS FROM (
  pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::timestamptz[]), pg_catalog.unnest($3::json[]),
  pg_catalog.unnest($4::json[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::json[])) WITH ORDINALITY
  AS j(number, recorded_at, metadata, body, positions, rejection, row)
ORDER BY j.number, j.row DESC
ON CONFLICT (number) DO UPDATE SET
  recorded_at = EXCLUDED.recorded_at, metadata = EXCLUDED.metadata, body = EXCLUDED.body,
  positions = EXCLUDED.positions, rejection = EXCLUDED.rejection
