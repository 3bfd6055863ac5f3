SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.find($1, $2, $3, 1, $5, $4, $5, $6) AS f CROSS JOIN LATERAL {schema}.at(f.positions) AS e
