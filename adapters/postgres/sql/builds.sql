SELECT version, build, shape, events, log, live, inline, position, anchor_position, anchor_event, parked, stopped, updated_at,
       claim_holder, claim_round, claim_challenged, revision, requests
FROM {schema}.builds
LEFT JOIN {schema}.follower_requests USING (name)
WHERE name = $1
ORDER BY version, build
