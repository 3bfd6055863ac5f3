-- Moves the checkpoint if it is where the change starts. A batch without a matching event leaves the anchor unchanged.
UPDATE {schema}.builds
SET position = $6,
    anchor_position = coalesce($7, anchor_position),
    anchor_event = coalesce($8, anchor_event),
    stopped = NULL,
    updated_at = pg_catalog.now()
WHERE name = $1 AND version = $2 AND build = $3 AND position = $4 AND parked = $5 AND NOT inline
