-- Appends, each of them whole or not at all, in one call, which is one transaction and one round trip.
--
-- _keys, _exclusive       advisory locks: ascending, each once
-- _recorded_at, _metadata   one element an append, as is what follows, or nothing if no append has it:
-- _id, _command, _scope   the command id, NULL without one
-- _body, _rejection       the journal entry, NULL without one
-- _together               a number that appends have in common which stand or fall together, NULL for those that stand alone
-- _inline                 the inline builds that it folds, as an array literal of texts `name version build` in order
-- _of_append, _above      one element a condition: the number of its append (from 1), and the second half of its marker
-- _of_condition … _of_type   one element for each type of each item of a condition: the number of the condition (from 1),
--                         the first half of its marker, the item's first tag, its other tags as an array literal, and the type. No
--                         tag is NULL, no other tags are NULL, any type is NULL
-- _by_append … _data      one element an event: the number of its append, then what is stored; tags as array literals
--
-- Answers a row for each append that is refused: 'already' (with the first receipt and what it was for), 'conflict' (with the
-- number of the condition and the newest position that matches it) or 'inline' (it does not fold exactly the builds that
-- fold its types). Then one row, 'done', with the positions of all events that were written, in their order.
-- What stands together with a refused append is not written either, and has no row.
--
-- The caller sees to it that no two appends of a call have the same id, and that no event of one matches a condition of a
-- later one, unless they stand together.
--
-- The locks are taken in a statement of their own: the next statement of a VOLATILE function has a new snapshot, and so
-- sees everything that the locks waited for. That holds in READ COMMITTED only, hence the first check.
--
-- What most appends need is little, and each statement has its price: so it first asks whether there may be a reason to refuse
-- any of them, and looks for all reasons only then. The plans are made once a session and must be right for every
-- size of the log: on the indexes, and never compiled.
CREATE FUNCTION {schema}.append(
  _keys bigint[], _exclusive boolean[],
  _recorded_at timestamptz[], _metadata text[], _id text[], _command text[], _scope text[], _body text[], _rejection text[],
  _together int[], _inline text[],
  _of_append int[], _above bigint[],
  _of_condition int[], _mark bigint[], _tag text[], _other_tags text[], _of_type text[],
  _by_append int[], _event_id uuid[], _type text[], _version bigint[], _event_tags text[], _data text[])
RETURNS TABLE (
  append int, outcome text, condition int, met bigint, positions bigint[], event_ids uuid[], command text, scope text)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $append$
#variable_conflict use_column
DECLARE
  _refused   int[] := '{}';
  _news      boolean;
  _kept      boolean;
  _broken    int[];
  _condition int[];
  _met       bigint[];
  _missed    int[];
  _drawn     bigint[] := '{}';
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an append needs transaction isolation "read committed", not "%"', current_setting('transaction_isolation')
      USING ERRCODE = 'AN001';
  END IF;

  PERFORM CASE WHEN k.exclusive THEN pg_advisory_xact_lock(k.key) ELSE pg_advisory_xact_lock_shared(k.key) END
  FROM unnest(_keys, _exclusive) AS k(key, exclusive);

  -- Ids before conditions: a command that is repeated finds its own events in the way.
  IF cardinality(_id) > 0 THEN
    RETURN QUERY
    SELECT array_position(_id, c.id), 'already', NULL::int, NULL::bigint, c.positions, c.event_ids, c.command, c.scope
    FROM {schema}.commands c WHERE c.id = ANY (_id);
    IF FOUND THEN
      _refused := ARRAY(SELECT array_position(_id, c.id) FROM {schema}.commands c WHERE c.id = ANY (_id));
    END IF;
  END IF;

  -- Whether anything is there that a condition with tag and type did not count, and any build that folds a type. The
  -- second lies behind the lock on the log, under which builds go inline.
  SELECT
    EXISTS (
      SELECT FROM unnest(_mark, _tag, _of_type) AS w(mark, tag, type)
      CROSS JOIN LATERAL (
        SELECT FROM {schema}.event_tags t WHERE t.tag = w.tag AND t.type = w.type AND t.position > w.mark LIMIT 1) AS newer),
    EXISTS (SELECT FROM {schema}.inline_types i WHERE i.type = ANY (_type))
  INTO _news, _kept;

  IF _news OR num_nulls(VARIADIC _tag) > 0 OR num_nulls(VARIADIC _of_type) > 0 THEN
    WITH item AS MATERIALIZED (
      SELECT w.condition, w.mark, array_remove(array_agg(w.type), NULL) AS types,
             array_remove(array_prepend(w.tag, w.others::text[]), NULL) AS tags
      FROM unnest(_of_condition, _mark, _tag, _other_tags, _of_type) AS w(condition, mark, tag, others, type)
      WHERE _of_append[w.condition] <> ALL (_refused)
      GROUP BY w.condition, w.mark, w.tag, w.others, w.type IS NULL),
    now AS MATERIALIZED (
      SELECT i.condition, count(DISTINCT m.position) AS above, max(m.position) AS newest
      FROM item i CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, i.mark, 9223372036854775807, NULL) AS m(position)
      GROUP BY i.condition),
    broken AS (
      SELECT DISTINCT ON (c.append) c.append, c.condition::int AS condition, coalesce(now.newest, 0) AS met
      FROM unnest(_of_append, _above) WITH ORDINALITY AS c(append, above, condition)
      LEFT JOIN now ON now.condition = c.condition
      WHERE coalesce(now.above, 0) <> c.above AND c.append <> ALL (_refused)
      ORDER BY c.append, c.condition)
    SELECT coalesce(array_agg(b.append), '{}'), array_agg(b.condition), array_agg(b.met)
    INTO _broken, _condition, _met FROM broken b;
    RETURN QUERY
    SELECT b.append, 'conflict', b.condition, b.met, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM unnest(_broken, _condition, _met) AS b(append, condition, met);
    _refused := _refused || _broken;
  END IF;

  IF _kept OR cardinality(_inline) > 0 THEN
    _missed := ARRAY(
      SELECT a.append::int FROM unnest(_recorded_at) WITH ORDINALITY AS a(recorded_at, append)
      WHERE a.append <> ALL (_refused) AND coalesce(_inline[a.append]::text[], '{}') <> ARRAY(
        SELECT DISTINCT concat_ws(' ', i.name, i.version, i.build) COLLATE "C" AS build
        FROM unnest(_by_append, _type) AS e(append, type) JOIN {schema}.inline_types i ON i.type = e.type
        WHERE e.append = a.append ORDER BY build));
    RETURN QUERY
    SELECT m.append, 'inline', NULL::int, NULL::bigint, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM unnest(_missed) AS m(append);
    _refused := _refused || _missed;
  END IF;

  -- A refused append draws no position, so it leaves no gap.
  IF cardinality(_refused) > 0 THEN
    IF cardinality(_together) > 0 THEN
      _refused := ARRAY(
        SELECT a.append::int FROM unnest(_together) WITH ORDINALITY AS a(whole, append)
        WHERE a.append = ANY (_refused) OR a.whole IN (SELECT _together[r.append] FROM unnest(_refused) AS r(append)));
    END IF;
    SELECT coalesce(array_agg(e.append), '{}'), array_agg(e.id), array_agg(e.type), array_agg(e.version), array_agg(e.tags), array_agg(e.data)
    INTO _by_append, _event_id, _type, _version, _event_tags, _data
    FROM unnest(_by_append, _event_id, _type, _version, _event_tags, _data) AS e(append, id, type, version, tags, data)
    WHERE e.append <> ALL (_refused);
  END IF;

  IF cardinality(_by_append) > 0 THEN
    WITH written AS (
      INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
      SELECT nextval('{schema}.events_position_seq'), e.id, e.type, e.version, _recorded_at[e.append], e.tags::text[],
             e.data::json, _metadata[e.append]::json
      FROM unnest(_by_append, _event_id, _type, _version, _event_tags, _data) AS e(append, id, type, version, tags, data)
      RETURNING position, type, tags),
    tagged AS (
      INSERT INTO {schema}.event_tags (tag, type, position)
      SELECT unnest(w.tags), w.type, w.position FROM written w)
    SELECT array_agg(w.position) INTO _drawn FROM written w;
  END IF;

  IF cardinality(_id) > 0 OR cardinality(_body) > 0 THEN
    WITH written AS MATERIALIZED (
      SELECT e.append, array_agg(e.position ORDER BY e.position) AS positions, array_agg(e.id ORDER BY e.position) AS event_ids
      FROM unnest(_by_append, _drawn, _event_id) AS e(append, position, id) GROUP BY e.append),
    done AS MATERIALIZED (
      SELECT a.recorded_at, a.metadata, a.id, a.command, a.scope, a.body, a.rejection,
             coalesce(w.positions, '{}') AS positions, coalesce(w.event_ids, '{}') AS event_ids
      FROM unnest(_recorded_at, _metadata, _id, _command, _scope, _body, _rejection)
        WITH ORDINALITY AS a(recorded_at, metadata, id, command, scope, body, rejection, append)
      LEFT JOIN written w ON w.append = a.append
      WHERE a.append <> ALL (_refused)),
    remembered AS (
      INSERT INTO {schema}.commands (id, command, scope, recorded_at, positions, event_ids)
      SELECT d.id, d.command, d.scope, d.recorded_at, d.positions, d.event_ids FROM done d WHERE d.id IS NOT NULL)
    INSERT INTO {schema}.journal (recorded_at, metadata, body, positions, rejection)
    SELECT d.recorded_at, d.metadata::json, d.body::json, d.positions, d.rejection::json FROM done d WHERE d.body IS NOT NULL;
  END IF;

  outcome := 'done';
  positions := _drawn;
  RETURN NEXT;
END
$append$
