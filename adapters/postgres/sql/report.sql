UPDATE {schema}.projections SET stopped = $3, updated_at = now() WHERE name = $1 AND version = $2
