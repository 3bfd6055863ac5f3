-- Appends events: several appends in one call, which is one transaction and one round trip. Each append is written completely or
-- not at all.
--
-- _keys, _exclusive       advisory locks: ascending, without duplicates
-- _recorded_at, _metadata one element an append. So are the arrays up to _inline, or they are empty if no append has a value:
-- _id, _command, _scope   the command id; NULL without one
-- _body, _rejection       the journal entry; NULL without one
-- _batch                  a number shared by the appends of an atomic batch, which are all written or all refused; NULL for a
--                         single append
-- _inline                 the inline builds that the append folds: an array literal of sorted texts `name version build`
-- _known                  the version of the list of successors that the append knows; NULL if it compares none
-- _added                  the successors of event names that appends add: a JSON array of objects with the number of the `append`, the
--                         older `name`, its `successor`, and `is_rename`; NULL if there are none. Then the log is locked exclusively
-- _seen, _seen_id       the newest event that the process has seen; NULL if it has seen none
-- _of_append, _seen_unsettled   one element a condition: the number of its append (from 1), and of its marker the number of
--                         events seen beyond the settled position
-- _of_condition … _of_type   one element for each type of each item of a condition: the number of the condition (from 1), its
--                         marker's settled position, the item's first tag (NULL: no tag), its other tags as an array literal
--                         (NULL: none), and the type (NULL: any)
-- _by_append … _data      one element an event: the number of its append, then the columns; tags as array literals
--
-- Returns a row for each refused append: 'duplicate' (with the first receipt, its command and scope), 'archived' (it uses a closed id; with
-- the id and the record of its archive), 'successors_changed' (the append knows another list), 'conflict' (with the number of the condition
-- and the newest position that matches it), 'unseen' (as 'conflict': an event that the condition may match has left the log, up to this
-- position, which is settled) or
-- 'inline_required' (the append does not fold exactly the builds that fold its types, or an older name that it adds a successor
-- of). Then one row, 'appended', with the positions of all written events in the order of the arrays.
-- The other appends of a refused append's batch are not written and have no row.
--
-- Raises AN003 if the log has lost the newest event: the conditions are then about a log that does not exist any more.
--
-- The caller ensures that no two appends of a call have the same command id, and that no event of one matches a condition of a
-- later one, except within an atomic batch.
--
-- The locks are acquired in a statement of their own: the next statement of a VOLATILE function has a new snapshot, and
-- therefore sees everything that was committed while waiting for the locks. This holds in READ COMMITTED only, hence the first
-- check.
--
-- The arrays of the frequent statements are unnested in a select list: in FROM, each would first be copied into a table.
--
-- Fast path: two existence checks show whether an append could be refused; the full checks run only then. The plans are made
-- once a session and must fit every size of the log: they use the indexes, and are never compiled.
CREATE FUNCTION {schema}.append(
  _keys bigint[], _exclusive boolean[],
  _recorded_at timestamptz[], _metadata json[], _id text[], _command text[], _scope text[], _body json[], _rejection json[],
  _batch int[], _inline text[], _known bigint[], _added json, _seen bigint, _seen_id uuid,
  _of_append int[], _seen_unsettled bigint[],
  _of_condition int[], _settled bigint[], _tag text[], _other_tags text[], _of_type text[],
  _by_append int[], _event_id uuid[], _type text[], _version bigint[], _event_tags text[], _data json[])
RETURNS TABLE (
  append int, outcome text, condition int, conflicting_position bigint, positions bigint[], event_ids uuid[], command text,
  scope text)
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $append$
#variable_conflict use_column
DECLARE
  _refused         int[] := '{}';
  _has_newer       boolean;
  _has_inline      boolean;
  _has_closed_ids  boolean;
  _archived        int[];
  _closed_id       text[];
  _archive         bigint[];
  _last_removed    bigint;
  _list_version    bigint;
  _stale        int[];
  _in_conflict     int[];
  _condition       int[];
  _newest          bigint[];
  _unseen          boolean[];
  _inline_required int[];
  _positions       bigint[] := '{}';
BEGIN
  IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an append needs transaction isolation "read committed", not "%"', pg_catalog.current_setting('transaction_isolation')
      USING ERRCODE = 'AN001';
  END IF;

  IF _seen IS NOT NULL AND NOT EXISTS (SELECT FROM {schema}.events e WHERE e.position = _seen AND e.id = _seen_id) THEN
    RAISE EXCEPTION 'the log has lost event % at position %', _seen_id, _seen USING ERRCODE = 'AN003';
  END IF;

  PERFORM CASE WHEN k.exclusive THEN pg_catalog.pg_advisory_xact_lock(k.key) ELSE pg_catalog.pg_advisory_xact_lock_shared(k.key) END
  FROM (SELECT pg_catalog.unnest(_keys) AS key, pg_catalog.unnest(_exclusive) AS exclusive) AS k;

  -- Command ids before conditions: the conditions of a repeated command conflict with its own events.
  IF pg_catalog.cardinality(_id) > 0 THEN
    RETURN QUERY
    SELECT pg_catalog.array_position(_id, c.id), 'duplicate', NULL::int, NULL::bigint, c.positions, c.event_ids, c.command, c.scope
    FROM {schema}.commands c WHERE c.id = ANY (_id);
    IF FOUND THEN
      _refused := ARRAY(SELECT pg_catalog.array_position(_id, c.id) FROM {schema}.commands c WHERE c.id = ANY (_id));
    END IF;
  END IF;

  -- Fast path: whether any event is newer than the marker of a condition with tag and type, whether any inline build folds one of the
  -- types, whether ids are closed, and the version of the list of successors. The last three are safe because builds become inline, ids are
  -- closed and successors are added under the exclusive lock on the log.
  SELECT
    EXISTS (
      SELECT FROM (
        SELECT pg_catalog.unnest(_settled) AS settled, pg_catalog.unnest(_tag) AS tag, pg_catalog.unnest(_of_type) AS type) AS w
      CROSS JOIN LATERAL (
        SELECT FROM {schema}.event_tags t WHERE t.tag = w.tag AND t.type = w.type AND t.position > w.settled LIMIT 1) AS newer),
    EXISTS (SELECT FROM {schema}.inline_types i WHERE i.type = ANY (_type)),
    EXISTS (SELECT FROM {schema}.archived_ids),
    greatest(
      (SELECT pg_catalog.max(s.version) FROM {schema}.event_successors s), (SELECT pg_catalog.max(r.version) FROM {schema}.event_retags r),
      (SELECT pg_catalog.max(a.version) FROM {schema}.archives a), 0)
  INTO _has_newer, _has_inline, _has_closed_ids, _list_version;

  IF _has_closed_ids THEN
    WITH used AS (
      SELECT e.append, t.tag
      FROM (SELECT pg_catalog.unnest(_by_append) AS append, pg_catalog.unnest(_event_tags) AS tags) AS e
      CROSS JOIN LATERAL pg_catalog.unnest(e.tags::text[]) AS t(tag)
      UNION ALL
      SELECT _of_append[w.condition], t.tag
      FROM ROWS FROM (
        pg_catalog.unnest(_of_condition), pg_catalog.unnest(_tag), pg_catalog.unnest(_other_tags)) AS w(condition, tag, others)
      CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.array_prepend(w.tag, w.others::text[])) AS t(tag)),
    closed AS (
      SELECT DISTINCT ON (u.append) u.append, a.id, a.archive
      FROM used u JOIN {schema}.archived_ids a ON a.id = u.tag
      WHERE u.append <> ALL (_refused)
      ORDER BY u.append, a.id)
    SELECT coalesce(pg_catalog.array_agg(c.append), '{}'), pg_catalog.array_agg(c.id), pg_catalog.array_agg(c.archive)
    INTO _archived, _closed_id, _archive FROM closed c;
    RETURN QUERY
    SELECT c.append, 'archived', NULL::int, NULL::bigint, NULL::bigint[], NULL::uuid[], c.id, r.record::text
    FROM ROWS FROM (
      pg_catalog.unnest(_archived), pg_catalog.unnest(_closed_id), pg_catalog.unnest(_archive)) AS c(append, id, archive)
    JOIN {schema}.archives r ON r.number = c.archive;
    _refused := _refused OPERATOR(pg_catalog.||) _archived;
  END IF;

  IF _list_version <> ANY (_known) THEN
    _stale := ARRAY(
      SELECT k.append::int FROM pg_catalog.unnest(_known) WITH ORDINALITY AS k(version, append)
      WHERE k.version <> _list_version AND k.append <> ALL (_refused));
    RETURN QUERY
    SELECT o.append, 'successors_changed', NULL::int, NULL::bigint, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM pg_catalog.unnest(_stale) AS o(append);
    _refused := _refused OPERATOR(pg_catalog.||) _stale;
  END IF;

  IF _has_newer OR pg_catalog.num_nulls(VARIADIC _tag) > 0 OR pg_catalog.num_nulls(VARIADIC _of_type) > 0 THEN
    -- A condition without a tag cannot count the events that have left the log for an archive.
    _last_removed := (SELECT coalesce(pg_catalog.max(a.last_removed), 0) FROM {schema}.archives a);
    WITH item AS MATERIALIZED (
      SELECT w.condition, w.settled, pg_catalog.array_remove(pg_catalog.array_agg(w.type), NULL) AS types,
             pg_catalog.array_remove(pg_catalog.array_prepend(w.tag, w.others::text[]), NULL) AS tags
      FROM ROWS FROM (
        pg_catalog.unnest(_of_condition), pg_catalog.unnest(_settled), pg_catalog.unnest(_tag),
        pg_catalog.unnest(_other_tags), pg_catalog.unnest(_of_type)) AS w(condition, settled, tag, others, type)
      WHERE _of_append[w.condition] <> ALL (_refused)
      GROUP BY w.condition, w.settled, w.tag, w.others, w.type IS NULL),
    now AS MATERIALIZED (
      SELECT i.condition, pg_catalog.count(DISTINCT m.position) AS unsettled, pg_catalog.max(m.position) AS newest
      FROM item i
      CROSS JOIN LATERAL {schema}.matching(i.types, i.tags, i.settled, 9223372036854775807, NULL) AS m(position)
      GROUP BY i.condition),
    unseen AS (
      SELECT DISTINCT i.condition FROM item i WHERE pg_catalog.cardinality(i.tags) = 0 AND i.settled < _last_removed),
    broken AS (
      SELECT DISTINCT ON (c.append) c.append, c.condition::int AS condition,
             CASE WHEN u.condition IS NULL THEN coalesce(now.newest, 0) ELSE _last_removed END AS newest,
             u.condition IS NOT NULL AS unseen
      FROM ROWS FROM (
        pg_catalog.unnest(_of_append), pg_catalog.unnest(_seen_unsettled)) WITH ORDINALITY AS c(append, unsettled, condition)
      LEFT JOIN now ON now.condition = c.condition
      LEFT JOIN unseen u ON u.condition = c.condition
      WHERE (coalesce(now.unsettled, 0) <> c.unsettled OR u.condition IS NOT NULL) AND c.append <> ALL (_refused)
      ORDER BY c.append, c.condition)
    SELECT coalesce(pg_catalog.array_agg(b.append), '{}'), pg_catalog.array_agg(b.condition), pg_catalog.array_agg(b.newest), pg_catalog.array_agg(b.unseen)
    INTO _in_conflict, _condition, _newest, _unseen FROM broken b;
    RETURN QUERY
    SELECT b.append, CASE WHEN b.unseen THEN 'unseen' ELSE 'conflict' END, b.condition, b.newest, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM ROWS FROM (
      pg_catalog.unnest(_in_conflict), pg_catalog.unnest(_condition), pg_catalog.unnest(_newest), pg_catalog.unnest(_unseen))
      AS b(append, condition, newest, unseen);
    _refused := _refused OPERATOR(pg_catalog.||) _in_conflict;
  END IF;

  IF _has_inline OR _added IS NOT NULL OR pg_catalog.cardinality(_inline) > 0 THEN
    _inline_required := ARRAY(
      SELECT a.append::int FROM pg_catalog.unnest(_recorded_at) WITH ORDINALITY AS a(recorded_at, append)
      WHERE a.append <> ALL (_refused) AND coalesce(_inline[a.append]::text[], '{}') OPERATOR(pg_catalog.<>) ARRAY(
        SELECT DISTINCT pg_catalog.concat_ws(' ', i.name, i.version, i.build) COLLATE "C" AS build
        FROM (
          SELECT pg_catalog.unnest(_by_append) AS append, pg_catalog.unnest(_type) AS type
          UNION ALL
          SELECT n.append, n.name FROM pg_catalog.json_to_recordset(_added) AS n(append int, name text)) AS e
        JOIN {schema}.inline_types i ON i.type = e.type
        WHERE e.append = a.append ORDER BY build));
    RETURN QUERY
    SELECT m.append, 'inline_required', NULL::int, NULL::bigint, NULL::bigint[], NULL::uuid[], NULL, NULL
    FROM pg_catalog.unnest(_inline_required) AS m(append);
    _refused := _refused OPERATOR(pg_catalog.||) _inline_required;
  END IF;

  -- A refused append is assigned no position, so it leaves no gap.
  IF pg_catalog.cardinality(_refused) > 0 THEN
    IF pg_catalog.cardinality(_batch) > 0 THEN
      _refused := ARRAY(
        SELECT a.append::int FROM pg_catalog.unnest(_batch) WITH ORDINALITY AS a(batch, append)
        WHERE a.append = ANY (_refused) OR a.batch IN (SELECT _batch[r.append] FROM pg_catalog.unnest(_refused) AS r(append)));
    END IF;
    SELECT coalesce(pg_catalog.array_agg(e.append), '{}'), pg_catalog.array_agg(e.id), pg_catalog.array_agg(e.type), pg_catalog.array_agg(e.version), pg_catalog.array_agg(e.tags), pg_catalog.array_agg(e.data)
    INTO _by_append, _event_id, _type, _version, _event_tags, _data
    FROM ROWS FROM (
      pg_catalog.unnest(_by_append), pg_catalog.unnest(_event_id), pg_catalog.unnest(_type),
      pg_catalog.unnest(_version), pg_catalog.unnest(_event_tags), pg_catalog.unnest(_data)) AS e(append, id, type, version, tags, data)
    WHERE e.append <> ALL (_refused);
  END IF;

  IF pg_catalog.cardinality(_by_append) > 0 THEN
    WITH written AS (
      INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
      SELECT pg_catalog.nextval('{schema}.events_position_seq'), e.id, e.type, e.version, _recorded_at[e.append], e.tags::text[],
             e.data, _metadata[e.append]
      FROM (
        SELECT pg_catalog.unnest(_by_append) AS append, pg_catalog.unnest(_event_id) AS id, pg_catalog.unnest(_type) AS type,
               pg_catalog.unnest(_version) AS version, pg_catalog.unnest(_event_tags) AS tags, pg_catalog.unnest(_data) AS data) AS e
      RETURNING position, type, tags),
    tagged AS (
      INSERT INTO {schema}.event_tags (tag, type, position)
      SELECT pg_catalog.unnest(w.tags), w.type, w.position FROM written w)
    SELECT pg_catalog.array_agg(w.position) INTO _positions FROM written w;
    IF _added IS NOT NULL THEN
      _list_version := _list_version + 1 + pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) 4294967296::double precision)::bigint;
      INSERT INTO {schema}.event_successors (name, successor, is_rename, since, version)
      SELECT DISTINCT ON (n.name, n.successor) n.name, n.successor, n.is_rename, e.position, _list_version
      FROM pg_catalog.json_to_recordset(_added) AS n(append int, name text, successor text, is_rename boolean)
      JOIN ROWS FROM (
        pg_catalog.unnest(_by_append), pg_catalog.unnest(_type), pg_catalog.unnest(_positions)) AS e(append, type, position)
      ON e.append = n.append AND e.type = n.successor
      ORDER BY n.name, n.successor, e.position
      ON CONFLICT DO NOTHING;
    END IF;
  END IF;

  IF pg_catalog.cardinality(_id) > 0 OR pg_catalog.cardinality(_body) > 0 THEN
    WITH written AS MATERIALIZED (
      SELECT e.append, pg_catalog.array_agg(e.position ORDER BY e.position) AS positions, pg_catalog.array_agg(e.id ORDER BY e.position) AS event_ids
      FROM ROWS FROM (
        pg_catalog.unnest(_by_append), pg_catalog.unnest(_positions), pg_catalog.unnest(_event_id)) AS e(append, position, id) GROUP BY e.append),
    accepted AS MATERIALIZED (
      SELECT a.recorded_at, a.metadata, a.id, a.command, a.scope, a.body, a.rejection,
             coalesce(w.positions, '{}') AS positions, coalesce(w.event_ids, '{}') AS event_ids
      FROM ROWS FROM (
        pg_catalog.unnest(_recorded_at), pg_catalog.unnest(_metadata), pg_catalog.unnest(_id),
        pg_catalog.unnest(_command), pg_catalog.unnest(_scope), pg_catalog.unnest(_body),
        pg_catalog.unnest(_rejection))
        WITH ORDINALITY AS a(recorded_at, metadata, id, command, scope, body, rejection, append)
      LEFT JOIN written w ON w.append = a.append
      WHERE a.append <> ALL (_refused)),
    command_ids AS (
      INSERT INTO {schema}.commands (id, command, scope, recorded_at, positions, event_ids)
      SELECT d.id, d.command, d.scope, d.recorded_at, d.positions, d.event_ids FROM accepted d WHERE d.id IS NOT NULL)
    INSERT INTO {schema}.journal (recorded_at, metadata, body, positions, rejection)
    SELECT d.recorded_at, d.metadata, d.body, d.positions, d.rejection FROM accepted d WHERE d.body IS NOT NULL;
  END IF;

  outcome := 'appended';
  positions := _positions;
  RETURN NEXT;
END
$append$
