-- Of the states that one code has folded, the latest stays, in whatever order they come.
INSERT INTO {prefix}snapshots AS kept (aggregate, tag, fingerprint, position, state)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (aggregate, tag) DO UPDATE
SET fingerprint = excluded.fingerprint, position = excluded.position, state = excluded.state
WHERE kept.fingerprint <> excluded.fingerprint OR kept.position < excluded.position
