DELETE FROM {schema}.journal
WHERE number IN (SELECT j.number FROM {schema}.journal j WHERE j.recorded_at < $1 ORDER BY j.number LIMIT $2)
