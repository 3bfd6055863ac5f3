-- Appends, each of them whole or not at all, in one call, which is one transaction and one round trip.
--
-- _keys, _exclusive       advisory locks: ascending, each once
-- _recorded_at … _rejection   one element an append; _id is NULL without a command id, _body without a journal entry
-- _of_append, _mark, _above   one element a condition: the number of its append (from 1) and its marker
-- _of_condition, _types, _tags   one element an item: the number of its condition (from 1), types and tags as array literals
-- _by_append … _data      one element an event: the number of its append, then what is stored; tags as array literals
-- _inline                 the inline builds that each append of the call folds, as texts `name version build` in order
--
-- Answers a row for each append: 'done', 'already' (with the first receipt and what it was for), 'conflict' (with the
-- number of the condition and the newest position that matches it) or 'inline' (it does not fold exactly the builds that
-- fold its types). The caller sees to it that no two appends of a call
-- have the same id, and that no event of one matches a condition of a later one.
--
-- The locks are taken in a statement of their own: the next statement of a VOLATILE function has a new snapshot, and so
-- sees everything that the locks waited for. That holds in READ COMMITTED only, hence the first check.
CREATE FUNCTION {schema}.append(
  _keys bigint[], _exclusive boolean[],
  _recorded_at timestamptz[], _metadata text[], _id text[], _command text[], _scope text[], _body text[], _rejection text[],
  _of_append int[], _mark bigint[], _above bigint[],
  _of_condition int[], _types text[], _tags text[],
  _by_append int[], _event_id uuid[], _type text[], _version bigint[], _event_tags text[], _data text[],
  _inline text[])
RETURNS TABLE (
  append int, outcome text, condition int, met bigint, positions bigint[], event_ids uuid[], command text, scope text)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $append$
#variable_conflict use_column
DECLARE
  _known     int[] := '{}';
  _refused   int[] := '{}';
  _condition int[];
  _met       bigint[];
  _missed    int[];
  _drawn     bigint[];
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an append needs transaction isolation "read committed", not "%"', current_setting('transaction_isolation')
      USING ERRCODE = 'AN001';
  END IF;

  PERFORM CASE WHEN k.exclusive THEN pg_advisory_xact_lock(k.key) ELSE pg_advisory_xact_lock_shared(k.key) END
  FROM unnest(_keys, _exclusive) AS k(key, exclusive);

  -- Ids before conditions: a command that is repeated finds its own events in the way.
  IF num_nonnulls(VARIADIC _id) > 0 THEN
    _known := ARRAY(
      SELECT a.append::int FROM unnest(_id) WITH ORDINALITY AS a(id, append) JOIN {schema}.commands c ON c.id = a.id);
    RETURN QUERY
    SELECT k.append, 'already', NULL::int, NULL::bigint, c.positions, c.event_ids, c.command, c.scope
    FROM unnest(_known) AS k(append) JOIN {schema}.commands c ON c.id = _id[k.append];
  END IF;

  IF cardinality(_of_append) > 0 THEN
    WITH item AS MATERIALIZED (
      SELECT i.condition, i.types::text[] AS types, i.tags::text[] AS tags, _mark[i.condition] AS mark
      FROM unnest(_of_condition, _types, _tags) AS i(condition, types, tags)
      WHERE _of_append[i.condition] <> ALL (_known)),
    now AS MATERIALIZED (
      SELECT i.condition, count(DISTINCT m.position) AS above, max(m.position) AS newest
      FROM item i CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, i.mark, 9223372036854775807, NULL) AS m(position)
      GROUP BY i.condition),
    broken AS (
      SELECT DISTINCT ON (c.append) c.append, c.condition::int AS condition, coalesce(now.newest, 0) AS met
      FROM unnest(_of_append, _above) WITH ORDINALITY AS c(append, above, condition)
      LEFT JOIN now ON now.condition = c.condition
      WHERE coalesce(now.above, 0) <> c.above AND c.append <> ALL (_known)
      ORDER BY c.append, c.condition)
    SELECT coalesce(array_agg(b.append), '{}'), array_agg(b.condition), array_agg(b.met)
    INTO _refused, _condition, _met FROM broken b;
    RETURN QUERY
    SELECT r.append, 'conflict', r.condition, r.met, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM unnest(_refused, _condition, _met) AS r(append, condition, met);
    _refused := _refused || _known;
  ELSE
    _refused := _known;
  END IF;

  -- Behind the lock on the log, under which builds go inline.
  IF cardinality(_inline) > 0 OR EXISTS (SELECT FROM {schema}.inline_types i WHERE i.type = ANY (_type)) THEN
    _missed := ARRAY(
      SELECT a.append::int FROM unnest(_recorded_at) WITH ORDINALITY AS a(recorded_at, append)
      WHERE a.append <> ALL (_refused) AND _inline <> ARRAY(
        SELECT DISTINCT concat_ws(' ', i.name, i.version, i.build) COLLATE "C" AS build
        FROM unnest(_by_append, _type) AS e(append, type) JOIN {schema}.inline_types i ON i.type = e.type
        WHERE e.append = a.append ORDER BY build));
    RETURN QUERY
    SELECT m.append, 'inline', NULL::int, NULL::bigint, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM unnest(_missed) AS m(append);
    _refused := _refused || _missed;
  END IF;

  -- A refused append draws no position, so it leaves no gap.
  _drawn := ARRAY(
    SELECT CASE WHEN e.append = ANY (_refused) THEN 0 ELSE nextval('{schema}.events_position_seq') END
    FROM unnest(_by_append) AS e(append));

  INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
  SELECT _drawn[e.nth], e.id, e.type, e.version, _recorded_at[e.append], e.tags::text[], e.data::json, _metadata[e.append]::json
  FROM unnest(_by_append, _event_id, _type, _version, _event_tags, _data)
    WITH ORDINALITY AS e(append, id, type, version, tags, data, nth)
  WHERE _drawn[e.nth] > 0;

  INSERT INTO {schema}.event_tags (tag, type, position)
  SELECT t.tag, e.type, _drawn[e.nth]
  FROM unnest(_type, _event_tags) WITH ORDINALITY AS e(type, tags, nth) CROSS JOIN LATERAL unnest(e.tags::text[]) AS t(tag)
  WHERE _drawn[e.nth] > 0;

  RETURN QUERY
  WITH written AS MATERIALIZED (
    SELECT e.append, array_agg(_drawn[e.nth] ORDER BY e.nth) AS positions, array_agg(e.id ORDER BY e.nth) AS event_ids
    FROM unnest(_by_append, _event_id) WITH ORDINALITY AS e(append, id, nth)
    WHERE _drawn[e.nth] > 0 GROUP BY e.append),
  done AS MATERIALIZED (
    SELECT a.append::int AS append, a.recorded_at, a.metadata, a.id, a.command, a.scope, a.body, a.rejection,
           coalesce(w.positions, '{}') AS positions, coalesce(w.event_ids, '{}') AS event_ids
    FROM unnest(_recorded_at, _metadata, _id, _command, _scope, _body, _rejection)
      WITH ORDINALITY AS a(recorded_at, metadata, id, command, scope, body, rejection, append)
    LEFT JOIN written w ON w.append = a.append
    WHERE a.append <> ALL (_refused)),
  remembered AS (
    INSERT INTO {schema}.commands (id, command, scope, recorded_at, positions, event_ids)
    SELECT d.id, d.command, d.scope, d.recorded_at, d.positions, d.event_ids FROM done d WHERE d.id IS NOT NULL),
  journaled AS (
    INSERT INTO {schema}.journal (recorded_at, metadata, body, positions, rejection)
    SELECT d.recorded_at, d.metadata::json, d.body::json, d.positions, d.rejection::json FROM done d WHERE d.body IS NOT NULL)
  SELECT d.append, 'done', NULL::int, NULL::bigint, d.positions, d.event_ids, NULL, NULL FROM done d;
END
$append$
