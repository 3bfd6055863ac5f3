-- lz4 compresses a large payload in a fraction of the time that the default method of the server takes, if the server has it.
DO $events_compression$
BEGIN
  IF EXISTS (
    SELECT FROM pg_catalog.pg_settings s
    WHERE s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals))
  THEN
    -- As a text, because the oldest servers do not parse it.
    EXECUTE 'ALTER TABLE {schema}.events ALTER COLUMN data SET COMPRESSION lz4';
  END IF;
END
$events_compression$
