SELECT log, shape, position, anchor_position, anchor_event, stopped
FROM {schema}.projections
WHERE name = $1 AND version = $2
