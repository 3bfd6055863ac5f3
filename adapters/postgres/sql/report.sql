UPDATE {schema}.builds SET stopped = $4 WHERE name = $1 AND version = $2 AND build = $3
