-- Marks a subject as erased and removes its keys. The first time and actor remain. Under the exclusive lock no key is stored: the next
-- statements see every key that was stored before. An erasure is on disk before it is acknowledged, whatever the session's setting is.
CREATE FUNCTION {schema}.erase_subject(
  _lock bigint, _subject bytea, _actor text, _erased_at timestamptz, _completed_at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $erase_subject$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'subjects are erased in transaction isolation "read committed", not "%"', current_setting('transaction_isolation')
      USING ERRCODE = 'AN001';
  END IF;
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'local', true);
  END IF;
  PERFORM pg_advisory_xact_lock(_lock);
  INSERT INTO {schema}.erasures (subject, actor, erased_at, completed_at)
  VALUES (_subject, _actor, _erased_at, _completed_at)
  ON CONFLICT (subject) WHERE NOT readmitted DO NOTHING;
  INSERT INTO {schema}.erased_keys (id) SELECT k.id FROM {schema}.subject_keys k WHERE k.subject = _subject ON CONFLICT (id) DO NOTHING;
  DELETE FROM {schema}.subject_keys WHERE subject = _subject;
  UPDATE {schema}.key_state SET erasures = erasures + 1;
END
$erase_subject$
