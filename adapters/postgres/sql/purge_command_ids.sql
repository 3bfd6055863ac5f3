DELETE FROM {schema}.commands WHERE recorded_at < $1
