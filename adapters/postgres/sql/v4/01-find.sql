-- The positions of a read's matching events, in order, and how many of them stand behind the mark.
--
-- _of, _types, _tags   one element an item: the number of its read, its types and tags as array literals
-- _read                the read whose items are meant
-- _mark                a position up to which the log is settled
-- _limit               the first so many positions of (_after, _up_to], or NULL for all
--
-- STABLE: it sees the log as the statement around it does. The settings keep the plan on the indexes, whatever the statistics
-- say about a table that was just made.
CREATE FUNCTION {schema}.find(
  _of int[], _types text[], _tags text[], _read int, _mark bigint, _after bigint, _up_to bigint, _limit bigint,
  OUT above bigint, OUT positions bigint[])
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $find$
DECLARE
  _from bigint := least(_mark, _after);
  _items int[] := array_positions(_of, _read);
  -- The literals are read here, once: an argument that "matching" gets is worked out for each row.
  _only_types text[];
  _only_tags text[];
BEGIN
  IF cardinality(_items) = 1 THEN
    _only_types := _types[_items[1]];
    _only_tags := _tags[_items[1]];
    IF _limit IS NULL AND cardinality(_only_tags) = 1 AND cardinality(_only_types) > 0 THEN
      -- The events of an aggregate. What "matching" does, without what it needs for all others: a third faster.
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
        FROM unnest(_of, _types, _tags) AS i(read, types, tags) WHERE i.read = _read)
      SELECT DISTINCT m.position
      FROM item i CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, _from, _up_to, _limit) AS m(position)
      ORDER BY m.position LIMIT _limit);
  END IF;
  above := 0;
  IF positions[cardinality(positions)] > _mark THEN
    above := (SELECT count(*) FROM unnest(positions) AS p(position) WHERE p.position > _mark);
    IF _after > _mark THEN
      positions := ARRAY(SELECT p.position FROM unnest(positions) AS p(position) WHERE p.position > _after ORDER BY p.position);
    END IF;
  END IF;
END
$find$
