-- From where the change starts, and from nowhere else. A batch in which nothing matched leaves the anchor where it is.
UPDATE {prefix}builds
SET position = ?6,
    anchor_position = coalesce(?7, anchor_position),
    anchor_event = coalesce(?8, anchor_event),
    stopped = NULL,
    updated_at = ?9
WHERE projection = ?1 AND version = ?2 AND build = ?3
    AND position = ?4 AND parked = ?5 AND inline_types IS NULL
