-- Sets the checkpoint of a policy, unless a process holds its claim or the row is something else. It is live, because the policy has
-- started: it does not start at the end of the log.
INSERT INTO {schema}.builds AS b (name, version, build, log, shape, events, live, position, anchor_position, anchor_event)
VALUES ($1, 1, 0, $2, '', '', true, $3, $4, $5)
ON CONFLICT (name, version, build) DO UPDATE
SET live = true, position = EXCLUDED.position, anchor_position = EXCLUDED.anchor_position, anchor_event = EXCLUDED.anchor_event,
    parked = 0, stopped = NULL, updated_at = pg_catalog.now()
WHERE b.log = EXCLUDED.log AND b.shape = '' AND b.events = '' AND b.claim_holder IS NULL
