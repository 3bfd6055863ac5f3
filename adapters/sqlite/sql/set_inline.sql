-- The types are none if the build is no longer inline. What it has folded it has folded up to the end of the log.
UPDATE {prefix}builds
SET inline_types = ?4,
    position = ?5,
    anchor_position = coalesce(?6, anchor_position),
    anchor_event = coalesce(?7, anchor_event),
    stopped = NULL,
    updated_at = ?8
WHERE projection = ?1 AND version = ?2 AND build = ?3
