-- The checkpoints of the policies of a log, each in a row for each of its parked events, or in one row without an event. A policy is a
-- checkpoint that folds no events into no columns.
SELECT
    b.projection AS name,
    b.position AS checkpoint,
    b.anchor_position,
    b.anchor_event,
    p.position,
    p.event,
    p.keys,
    p.error,
    p.attempts,
    p.needs_newer
FROM {prefix}builds AS b
LEFT JOIN {prefix}parked AS p ON p.projection = b.projection AND p.version = b.version AND p.build = b.build
WHERE b.log = ?1 AND b.version = 1 AND b.build = 0 AND b.shape = '' AND b.events = ''
ORDER BY b.projection, p.position
