SELECT c.id, c.command, c.scope, c.recorded_at, c.positions, c.event_ids
FROM {schema}.commands c WHERE c.id > $1 ORDER BY c.id LIMIT $2
