DELETE FROM {schema}.snapshots s WHERE s.tag = ANY ($1)
