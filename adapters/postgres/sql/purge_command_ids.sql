DELETE FROM {schema}.commands WHERE recorded_at < $1 AND id >= $2 AND id < $3
