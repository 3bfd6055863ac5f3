-- Sets the checkpoint of a policy, unless a process holds its claim or the row is something else. It is live, because the policy has
-- started: it does not start at the end of the log.
INSERT INTO {prefix}builds AS b
    (projection, version, build, log, shape, events, live, position, anchor_position, anchor_event, updated_at, parked)
VALUES (?1, 1, 0, ?2, '', '', 1, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (projection, version, build) DO UPDATE SET
    live = 1,
    position = excluded.position,
    anchor_position = excluded.anchor_position,
    anchor_event = excluded.anchor_event,
    updated_at = excluded.updated_at,
    parked = excluded.parked,
    stopped = NULL
WHERE b.log = excluded.log AND b.shape = '' AND b.events = '' AND b.claim_holder IS NULL
