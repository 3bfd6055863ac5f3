DELETE FROM {schema}.snapshots
