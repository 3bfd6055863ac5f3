-- Fills gaps with tombstones, in the given order, up to the first position whose append is still running; returns that position, or
-- NULL if all are filled. The primary key decides: if the append has inserted its row, the tombstone waits for it until the
-- lock timeout; if the tombstone is first, the append fails on the primary key and is assigned another position. If the append is
-- gone, the tombstone takes the position.
--
-- Each insert is in a block of its own, so that a timeout keeps the earlier tombstones.
CREATE FUNCTION {schema}.close_gaps(_positions bigint[]) RETURNS bigint LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5ms'
AS $close_gaps$
DECLARE
  _gap bigint;
BEGIN
  FOREACH _gap IN ARRAY _positions LOOP
    BEGIN
      INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
      VALUES (_gap, '00000000-0000-0000-0000-000000000000', '$gap', 0, '-infinity', '{}', 'null', '{}')
      ON CONFLICT (position) DO NOTHING;
    EXCEPTION WHEN lock_not_available THEN
      RETURN _gap;
    END;
  END LOOP;
  RETURN NULL;
END
$close_gaps$
