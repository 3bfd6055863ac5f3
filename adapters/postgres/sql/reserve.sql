-- Reserves each key, in their order, until the end of the transaction. Returns whether another session had reserved one of them.
SELECT pg_catalog.bool_or(
  CASE WHEN pg_catalog.pg_try_advisory_xact_lock(k.key) THEN false
       ELSE pg_catalog.pg_advisory_xact_lock(k.key)::text IS NOT NULL END)
FROM pg_catalog.unnest($1::bigint[]) AS k(key)
