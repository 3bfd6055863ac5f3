DELETE FROM {schema}.parked WHERE name = $1 AND version = $2 AND build = $3 AND position = ANY ($4)
