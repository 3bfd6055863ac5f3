INSERT INTO {schema}.event_retags (name, kind, state, position, events, changed, actor, started_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (name, kind) DO UPDATE SET
  state = excluded.state, position = excluded.position, events = excluded.events, changed = excluded.changed,
  updated_at = excluded.updated_at, version = excluded.version
