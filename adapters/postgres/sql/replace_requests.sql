-- Changes no row unless the stored revision is one less than the new one; without a row it is 0.
INSERT INTO {schema}.follower_requests AS stored (name, revision, requests)
SELECT $1, $2, $3
WHERE $2 = 1 OR EXISTS (SELECT FROM {schema}.follower_requests WHERE name = $1)
ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, requests = excluded.requests
WHERE stored.revision = excluded.revision - 1
