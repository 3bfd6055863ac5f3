DELETE FROM {schema}.builds WHERE name = $1 AND version = $2 AND build = $3
