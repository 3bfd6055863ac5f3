SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.at($1, $2) AS e
