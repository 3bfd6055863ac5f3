INSERT INTO {prefix}builds (projection, version, build, log, shape, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
