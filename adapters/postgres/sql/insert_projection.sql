INSERT INTO {schema}.projections (name, version, log, shape) VALUES ($1, $2, $3, $4)
