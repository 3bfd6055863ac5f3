-- Closes gaps with tombstones, in the order given, up to the first whose writer is still at work; answers that one, or
-- NULL. The primary key decides: a writer that has its row in waits for nobody and makes the claim time out, one
-- that comes later is refused and draws again. A writer that is gone leaves the position to us.
--
-- Each claim is a block of its own, so that a time-out keeps the ones before it.
CREATE FUNCTION {schema}.claim(_positions bigint[]) RETURNS bigint LANGUAGE plpgsql VOLATILE
SET lock_timeout = '5ms'
AS $claim$
DECLARE
  _hole bigint;
BEGIN
  FOREACH _hole IN ARRAY _positions LOOP
    BEGIN
      INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
      VALUES (_hole, '00000000-0000-0000-0000-000000000000', '$gap', 0, '-infinity', '{}', 'null', '{}')
      ON CONFLICT (position) DO NOTHING;
    EXCEPTION WHEN lock_not_available THEN
      RETURN _hole;
    END;
  END LOOP;
  RETURN NULL;
END
$claim$
