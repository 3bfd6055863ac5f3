UPDATE {schema}.builds
SET inline = $4,
    position = $5,
    anchor_position = coalesce($6, anchor_position),
    anchor_event = coalesce($7, anchor_event),
    stopped = NULL,
    updated_at = pg_catalog.now()
WHERE name = $1 AND version = $2 AND build = $3
