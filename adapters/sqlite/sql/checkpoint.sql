SELECT log, shape, position, anchor_position, anchor_event, stopped
FROM {prefix}projections
WHERE name = ?1 AND version = ?2
