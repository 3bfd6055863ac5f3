DELETE FROM {schema}.inline_types WHERE name = $1 AND version = $2 AND build = $3
