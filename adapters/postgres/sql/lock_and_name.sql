-- Locks a key until the end of the transaction, and returns the transaction's id.
SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text FROM pg_catalog.pg_advisory_xact_lock({key})
