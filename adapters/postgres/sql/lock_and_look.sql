-- Waits for the lock of another transaction, which has committed then, and looks in the next statement whether it is visible: as an
-- append does.
DO $lock_and_look$
BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock({key});
  IF NOT pg_catalog.pg_visible_in_snapshot('{transaction}', pg_catalog.pg_current_snapshot()) THEN
    RAISE EXCEPTION 'a commit is invisible after the wait for its lock' USING ERRCODE = 'AN002';
  END IF;
END
$lock_and_look$
