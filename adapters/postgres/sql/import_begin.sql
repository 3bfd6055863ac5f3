-- READ COMMITTED, because the statement after the lock must see what was committed before the lock was free. A reader of the file that
-- does not continue must not lock out appends for ever, and neither must a statement of a program that has gone: servers that can
-- (PostgreSQL 14 and later, on most systems) end it.
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path TO pg_catalog, pg_temp;
SET LOCAL lock_timeout = {timeout};
-- The tags of all events are sorted at the end.
SET LOCAL work_mem = '64MB';
SET LOCAL idle_in_transaction_session_timeout = '10min';
DO $check_connection$
BEGIN
  PERFORM pg_catalog.set_config('client_connection_check_interval', '500ms', true);
EXCEPTION WHEN undefined_object OR invalid_parameter_value THEN
  NULL;
END
$check_connection$;
SELECT pg_catalog.pg_advisory_xact_lock({key})
