-- One page of the verification of one part: see `verify_log`.
CREATE FUNCTION {schema}.verify_page(_part text, _key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $verify_page$
BEGIN
  CASE _part
    WHEN 'log' THEN RETURN QUERY SELECT * FROM {schema}.verify_log(_key, _up_to, _limit);
    WHEN 'events' THEN RETURN QUERY SELECT * FROM {schema}.verify_events(_key, _up_to, _limit);
    WHEN 'event_tags' THEN RETURN QUERY SELECT * FROM {schema}.verify_event_tags(_key, _up_to, _limit);
    WHEN 'commands' THEN RETURN QUERY SELECT * FROM {schema}.verify_commands(_key, _up_to, _limit);
    WHEN 'journal' THEN RETURN QUERY SELECT * FROM {schema}.verify_journal(_key, _up_to, _limit);
    WHEN 'snapshots' THEN RETURN QUERY SELECT * FROM {schema}.verify_snapshots(_key, _up_to, _limit);
    WHEN 'successors' THEN RETURN QUERY SELECT * FROM {schema}.verify_successors(_key, _up_to, _limit);
    WHEN 'builds' THEN RETURN QUERY SELECT * FROM {schema}.verify_builds(_key, _up_to, _limit);
    WHEN 'parked' THEN RETURN QUERY SELECT * FROM {schema}.verify_parked(_key, _up_to, _limit);
  END CASE;
END
$verify_page$
