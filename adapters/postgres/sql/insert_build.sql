INSERT INTO {schema}.builds (name, version, build, log, shape, events) VALUES ($1, $2, $3, $4, $5, $6)
