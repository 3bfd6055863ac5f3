SELECT j.number, j.recorded_at, j.metadata::text AS metadata, j.body::text AS body, j.positions, j.rejection::text AS rejection
FROM {schema}.journal_within($1, $2, $3) AS j
