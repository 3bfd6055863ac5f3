SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.matching_positions($1, $2, $3, 1, $5, $4, $5, $6) AS m
CROSS JOIN LATERAL {schema}.events_at(m.positions) AS e
