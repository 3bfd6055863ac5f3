INSERT INTO {prefix}events (position, id, type, version, recorded_at, tags, metadata, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
