-- READ COMMITTED, because the statement after the lock must see what was committed before the lock was free. A reader of the file that
-- does not continue must not lock out appends for ever.
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path TO pg_catalog, pg_temp;
SET LOCAL lock_timeout = {timeout};
SET LOCAL idle_in_transaction_session_timeout = '10min';
SELECT pg_catalog.pg_advisory_xact_lock({key})
