-- The records of erasures, the newest first: all, or the incomplete ones.
SELECT subject, actor, erased_at, completed_at FROM {schema}.erasures
WHERE completed_at IS NULL OR NOT $1
ORDER BY number DESC
