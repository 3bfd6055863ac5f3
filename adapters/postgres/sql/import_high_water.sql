-- No append is running, so the log is settled up to its last event.
UPDATE {schema}.log SET high_water = $1
