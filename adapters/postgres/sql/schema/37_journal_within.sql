-- The entries of the journal after a number: the first _limit of them whose commands have at most _bytes bytes together, and at least
-- one.
CREATE FUNCTION {schema}.journal_within(_after bigint, _limit bigint, _bytes bigint)
RETURNS SETOF {schema}.journal
LANGUAGE plpgsql STABLE ROWS 1
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $journal_within$
DECLARE
  _entry {schema}.journal;
  _first bigint;
  _room bigint := _bytes;
BEGIN
  FOR _entry IN SELECT j.* FROM {schema}.journal j WHERE j.number > _after ORDER BY j.number LIMIT _limit LOOP
    _first := coalesce(_first, _entry.number);
    _room := _room - pg_catalog.octet_length(_entry.body::text);
    EXIT WHEN _room < 0 AND _entry.number > _first;
    RETURN NEXT _entry;
  END LOOP;
END
$journal_within$
