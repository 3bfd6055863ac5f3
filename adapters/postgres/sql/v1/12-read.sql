-- Several reads in one snapshot: the whole function is STABLE, so it sees the log as the statement around it does.
--
-- _after, _up_to   one element a read
-- _read, _types, _tags   one element an item: the number of its read (from 1), its types and tags as array literals
-- _mark            a position up to which the log is settled
-- _limit           the first so many rows of the first reads, or NULL for all
--
-- Answers the matching events in no particular order, and for each read with matching events in (_mark, _up_to] a row with
-- their number and without an event. The settings keep the plan on the indexes, whatever the statistics say about a table
-- that was just made.
CREATE FUNCTION {schema}.read(
  _mark bigint, _after bigint[], _up_to bigint[], _limit bigint, _read int[], _types text[], _tags text[])
RETURNS TABLE (
  read int, above bigint, "position" bigint, id uuid, type text, version bigint, recorded_at timestamptz, tags text[],
  data json, metadata json)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $read$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH item AS MATERIALIZED (
    SELECT i.read, i.types::text[] AS types, i.tags::text[] AS tags,
           least(_mark, _after[i.read]) AS above, _up_to[i.read] AS up_to
    FROM unnest(_read, _types, _tags) AS i(read, types, tags)),
  found AS MATERIALIZED (
    SELECT DISTINCT i.read, m.position
    FROM item i CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, i.above, i.up_to, _limit) AS m(position)
    ORDER BY i.read, m.position LIMIT _limit)
  SELECT f.read, NULL::bigint, e.position, e.id, e.type, e.version, e.recorded_at, e.tags, e.data, e.metadata
  FROM found f JOIN {schema}.events e ON e.position = f.position
  WHERE f.position > _after[f.read]
  UNION ALL
  SELECT f.read, count(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM found f WHERE f.position > _mark GROUP BY f.read;
END
$read$
