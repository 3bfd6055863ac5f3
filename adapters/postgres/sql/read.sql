SELECT read, above, position, id, type, version, recorded_at, tags, data::text AS data, metadata::text AS metadata
FROM {schema}.read($1, $2, $3, $4, $5, $6, $7)
