INSERT INTO {prefix}builds (projection, version, build, log, shape, events, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
