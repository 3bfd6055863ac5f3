-- Locks a key until the end of the transaction, if no other session holds it.
SELECT pg_catalog.pg_try_advisory_xact_lock({key})
