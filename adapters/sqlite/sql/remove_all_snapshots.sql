DELETE FROM {prefix}snapshots
