-- The positions of the events that match one read, in order, and how many of them are beyond the settled position.
--
-- _of, _types, _tags   one element an item: the number of its read, its types and tags as array literals
-- _read                the number of the read whose items apply
-- _settled             a position up to which the log is settled
-- _limit               return only the first _limit positions of (_after, _up_to]; NULL for all
--
-- STABLE: uses the snapshot of the calling statement. The settings keep the plan on the indexes, whatever the statistics
-- say about a table that was just created.
CREATE FUNCTION {schema}.matching_positions(
  _of int[], _types text[], _tags text[], _read int, _settled bigint, _after bigint, _up_to bigint, _limit bigint,
  OUT seen_unsettled bigint, OUT positions bigint[])
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $matching_positions$
DECLARE
  _from bigint := least(_settled, _after);
  _items int[] := pg_catalog.array_positions(_of, _read);
  -- The literals are parsed here, once: an argument of "matching" is evaluated for each row.
  _only_types text[];
  _only_tags text[];
BEGIN
  IF pg_catalog.cardinality(_items) = 1 THEN
    _only_types := _types[_items[1]];
    _only_tags := _tags[_items[1]];
    IF _limit IS NULL AND pg_catalog.cardinality(_only_tags) = 1 AND pg_catalog.cardinality(_only_types) > 0 THEN
      -- The events of one aggregate: the same as "matching", without the parts that this case does not need. A third faster.
      positions := ARRAY(
        SELECT t.position FROM {schema}.event_tags t
        WHERE t.tag = _only_tags[1] AND t.type = ANY (_only_types) AND t.position > _from AND t.position <= _up_to
        ORDER BY t.position);
    ELSE
      positions := ARRAY(
        SELECT m.position FROM {schema}.matching(_only_types, _only_tags, _from, _up_to, _limit) AS m(position)
        ORDER BY m.position LIMIT _limit);
    END IF;
  ELSE
    positions := ARRAY(
      WITH item AS MATERIALIZED (
        SELECT i.types::text[] AS types, i.tags::text[] AS tags
        FROM ROWS FROM (pg_catalog.unnest(_of), pg_catalog.unnest(_types), pg_catalog.unnest(_tags)) AS i(read, types, tags) WHERE i.read = _read)
      SELECT DISTINCT m.position
      FROM item i CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, _from, _up_to, _limit) AS m(position)
      ORDER BY m.position LIMIT _limit);
  END IF;
  seen_unsettled := 0;
  IF positions[pg_catalog.cardinality(positions)] > _settled THEN
    seen_unsettled := (SELECT pg_catalog.count(*) FROM pg_catalog.unnest(positions) AS p(position) WHERE p.position > _settled);
    IF _after > _settled THEN
      positions := ARRAY(SELECT p.position FROM pg_catalog.unnest(positions) AS p(position) WHERE p.position > _after ORDER BY p.position);
    END IF;
  END IF;
END
$matching_positions$
