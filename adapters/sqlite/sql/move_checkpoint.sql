-- Changes no row if the build is elsewhere than the change expects, or inline. A batch without a matching event does not change the
-- anchor.
UPDATE {prefix}builds
SET position = ?6,
    anchor_position = coalesce(?7, anchor_position),
    anchor_event = coalesce(?8, anchor_event),
    stopped = NULL,
    updated_at = ?9
WHERE projection = ?1 AND version = ?2 AND build = ?3
    AND position = ?4 AND parked = ?5 AND inline_types IS NULL
