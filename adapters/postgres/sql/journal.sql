SELECT number, recorded_at, metadata::text AS metadata, body::text AS body, positions, rejection::text AS rejection
FROM {schema}.journal WHERE number > $1 ORDER BY number LIMIT $2
