UPDATE {schema}.builds SET live = true WHERE name = $1 AND version = $2 AND build = $3
