-- Of the snapshots with the same fingerprint the one with the highest position is stored, in whatever order they arrive.
INSERT INTO {schema}.snapshots AS stored (aggregate, tag, fingerprint, position, state)
VALUES ($1, $2, $3, $4, $5::json)
ON CONFLICT (aggregate, tag) DO UPDATE
SET fingerprint = excluded.fingerprint, position = excluded.position, state = excluded.state
WHERE stored.fingerprint <> excluded.fingerprint OR stored.position < excluded.position
