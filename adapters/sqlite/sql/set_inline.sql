-- ?4 is NULL to make the build asynchronous. All events up to the end of the log, ?5, are folded in.
UPDATE {prefix}builds
SET inline_types = ?4,
    position = ?5,
    anchor_position = coalesce(?6, anchor_position),
    anchor_event = coalesce(?7, anchor_event),
    stopped = NULL,
    updated_at = ?8
WHERE projection = ?1 AND version = ?2 AND build = ?3
