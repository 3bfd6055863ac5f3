-- Replaces a snapshot that another code folded, or that is older. Calls may come in any order: the latest state stays.
INSERT INTO {prefix}snapshots AS stored (aggregate, tag, fingerprint, position, state)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (aggregate, tag) DO UPDATE
SET fingerprint = excluded.fingerprint, position = excluded.position, state = excluded.state
WHERE stored.fingerprint <> excluded.fingerprint OR stored.position < excluded.position
