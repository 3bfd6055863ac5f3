DELETE FROM {schema}.archived_ids a WHERE a.archive = $1
