INSERT OR REPLACE INTO {prefix}parked (projection, version, build, position, event, keys, error, attempts, needs_newer)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
