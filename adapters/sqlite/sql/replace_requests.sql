-- Changes no row unless the stored revision is one less than the new one; without a row it is 0.
INSERT INTO {prefix}follower_requests AS stored (projection, revision, requests)
SELECT ?1, ?2, ?3
WHERE ?2 = 1 OR EXISTS (SELECT 1 FROM {prefix}follower_requests WHERE projection = ?1)
ON CONFLICT (projection) DO UPDATE SET revision = excluded.revision, requests = excluded.requests
WHERE stored.revision = excluded.revision - 1
