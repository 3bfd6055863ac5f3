SELECT
    version, build, log, shape, events, live, inline_types IS NOT NULL AS inline,
    position, anchor_position, anchor_event, parked, stopped, updated_at,
    claim_holder, claim_round, claim_challenged, revision, requests
FROM {prefix}builds LEFT JOIN {prefix}follower_requests USING (projection)
WHERE projection = ?1
ORDER BY version, build
