-- The checkpoints of the policies of a log, each in a row for each of its parked events, or in one row without an event. A policy is a
-- checkpoint that folds no events into no columns.
SELECT b.name, b.position AS checkpoint, b.anchor_position, b.anchor_event,
       p.position, p.event, p.keys::text AS keys, p.error::text AS error, p.attempts, p.needs_newer
FROM {schema}.builds b LEFT JOIN {schema}.parked p ON p.name = b.name AND p.version = b.version AND p.build = b.build
WHERE b.log = $1 AND b.version = 1 AND b.build = 0 AND b.shape = '' AND b.events = ''
ORDER BY b.name, p.position
