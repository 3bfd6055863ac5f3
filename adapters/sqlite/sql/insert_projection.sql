INSERT INTO {prefix}projections (name, version, log, shape, position, updated_at) VALUES (?1, ?2, ?3, ?4, 0, ?5)
