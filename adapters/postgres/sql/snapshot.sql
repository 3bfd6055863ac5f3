SELECT position, state::text AS state FROM {schema}.snapshots WHERE aggregate = $1 AND tag = $2 AND fingerprint = $3
