-- A batch in which nothing matched leaves the anchor where it is.
UPDATE {schema}.projections
SET position = $4,
    anchor_position = coalesce($5, anchor_position),
    anchor_event = coalesce($6, anchor_event),
    updated_at = now()
WHERE name = $1 AND version = $2 AND position = $3
