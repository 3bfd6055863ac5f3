-- The positions in (_after, _up_to] that match one item: any of _types and all of _tags; an empty array is no
-- restriction. With a limit, at least the first _limit of them. Each position is returned once.
--
-- The only place where "matches" is written in SQL. A plain SQL function in FROM, which the planner inlines into the query
-- that calls it; each branch probes one index, and a branch whose condition on the arguments is false reads no table. A function
-- with a search_path of its own is not inlined, and in a function that is called for each read it costs a twentieth of the call. So in
-- the functions of reads every name is qualified instead, and no operator is generic.
--
-- The events of a type are found by comparing pairs: only the index on (type, position) has their order. With `type = …` the planner
-- may prefer to walk the primary key if the statistics know one frequent type, and reads the whole log for a rare one.
CREATE FUNCTION {schema}.matching(_types text[], _tags text[], _after bigint, _up_to bigint, _limit bigint)
RETURNS SETOF bigint LANGUAGE sql STABLE AS $matching$
  -- With tags: for each type, the events with the first tag, if they have the other tags too. Without types: every type
  -- of an event with the first tag, found by a loose scan of the index.
  SELECT found.position
  FROM pg_catalog.unnest(CASE WHEN pg_catalog.cardinality(_types) > 0 THEN _types ELSE ARRAY(
    WITH RECURSIVE seen(type) AS (
      (SELECT t.type FROM {schema}.event_tags t WHERE t.tag = _tags[1] ORDER BY t.type LIMIT 1)
      UNION ALL
      SELECT (SELECT t.type FROM {schema}.event_tags t WHERE t.tag = _tags[1] AND t.type > seen.type ORDER BY t.type LIMIT 1)
      FROM seen WHERE seen.type IS NOT NULL)
    SELECT seen.type FROM seen WHERE seen.type IS NOT NULL) END) AS one(type)
  CROSS JOIN LATERAL (
    SELECT t.position FROM {schema}.event_tags t
    WHERE t.tag = _tags[1] AND t.type = one.type AND t.position > _after AND t.position <= _up_to
      AND (pg_catalog.cardinality(_tags) = 1 OR (SELECT e.tags FROM {schema}.events e WHERE e.position = t.position) OPERATOR(pg_catalog.@>) _tags)
    ORDER BY t.position LIMIT _limit) AS found
  WHERE pg_catalog.cardinality(_tags) > 0
  UNION ALL
  SELECT found.position
  FROM pg_catalog.unnest(_types) AS one(type)
  CROSS JOIN LATERAL (
    SELECT e.position FROM {schema}.events e
    WHERE (e.type, e.position) > (one.type, _after) AND (e.type, e.position) <= (one.type, _up_to)
    ORDER BY e.type, e.position LIMIT _limit) AS found
  WHERE pg_catalog.cardinality(_tags) = 0 AND one.type <> '$gap'
  UNION ALL
  SELECT found.position
  FROM (
    SELECT e.position FROM {schema}.events e
    WHERE pg_catalog.cardinality(_types) = 0 AND pg_catalog.cardinality(_tags) = 0
      AND e.type <> '$gap' AND e.position > _after AND e.position <= _up_to
    ORDER BY e.position LIMIT _limit) AS found
$matching$
