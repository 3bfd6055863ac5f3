-- Verification of builds: checkpoints belong to the log, at most one build of a projection is live, the number of parked events is
-- right, inline builds have event types, and the tables of rows exist. Checkpoints of another log are not checked here. See
-- `verify_log`.
CREATE FUNCTION {schema}.verify_builds(_key text[], _up_to bigint, _limit bigint)
RETURNS TABLE (kind text, "position" bigint, place text, problem text, checked bigint, last_key text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off
AS $verify_builds$
#variable_conflict use_column
DECLARE
  _name text := coalesce(_key[1], '');
  _version bigint := coalesce(_key[2]::bigint, '-9223372036854775808');
  _build bigint := coalesce(_key[3]::bigint, '-9223372036854775808');
  _end bigint := (SELECT coalesce(pg_catalog.max(e.position), 0) FROM {schema}.events e);
  _log uuid := (SELECT l.id FROM {schema}.log l);
  _rows oid := pg_catalog.to_regnamespace('{rows}');
BEGIN
  RETURN QUERY
  WITH page AS MATERIALIZED (
    SELECT b.*, b.log = _log AS is_own,
           b.name || '_v' || b.version || CASE WHEN b.build > 0 THEN '_' || b.build ELSE '' END AS label
    FROM {schema}.builds b WHERE (b.name, b.version, b.build) > (_name, _version, _build)
    ORDER BY b.name, b.version, b.build LIMIT _limit)
  SELECT d.kind, d.position, pg_catalog.format('build `%s`', d.label), d.problem, NULL::bigint, NULL::text[]
  FROM (
    SELECT 'checkpoint' AS kind, NULL::bigint AS position, p.label,
           pg_catalog.format('its checkpoint is at position %s, and the log ends at %s', p.position, _end) AS problem
    FROM page p WHERE p.position < 0 OR p.is_own AND p.position > _end
    UNION ALL
    SELECT 'checkpoint', p.anchor_position, p.label,
           CASE WHEN e.position IS NULL OR e.id = '00000000-0000-0000-0000-000000000000'
                THEN pg_catalog.format('it refers to event %s at position %s, where the log has no event', p.anchor_event, p.anchor_position)
                ELSE pg_catalog.format('it refers to event %s at position %s, where the log has event %s', p.anchor_event, p.anchor_position, e.id) END
    FROM page p LEFT JOIN {schema}.events e ON e.position = p.anchor_position
    WHERE p.is_own AND p.anchor_position IS NOT NULL AND (e.position IS NULL OR e.id <> p.anchor_event)
    UNION ALL
    SELECT 'checkpoint', NULL, p.label, pg_catalog.format('its anchor is after its checkpoint at %s', p.position)
    FROM page p WHERE p.anchor_position > p.position
    UNION ALL
    SELECT 'parked', NULL, p.label,
           pg_catalog.format('its checkpoint counts %s parked events, and %s are stored', p.parked, s.stored)
    FROM page p
    CROSS JOIN LATERAL (
      SELECT pg_catalog.count(*) AS stored FROM {schema}.parked k
      WHERE k.name = p.name AND k.version = p.version AND k.build = p.build) AS s
    WHERE p.parked <> s.stored
    UNION ALL
    SELECT 'build', NULL, p.label,
           pg_catalog.format('it is live, and so is build %s of version %s', o.build, o.version)
    FROM page p
    CROSS JOIN LATERAL (
      SELECT b.version, b.build FROM {schema}.builds b
      WHERE b.name = p.name AND b.live AND (b.version, b.build) < (p.version, p.build)
      ORDER BY b.version, b.build LIMIT 1) AS o
    WHERE p.live
    UNION ALL
    SELECT 'build', NULL, p.label,
           CASE WHEN p.inline THEN 'it is inline, but `inline_types` has no event type for it'
                ELSE 'it is not inline, but `inline_types` has event types for it' END
    FROM page p
    WHERE p.inline <> EXISTS (
      SELECT FROM {schema}.inline_types i WHERE i.name = p.name AND i.version = p.version AND i.build = p.build)
    UNION ALL
    SELECT 'build', NULL, p.label, 'it is inline, but its rows are made of the events of another log'
    FROM page p WHERE p.inline AND NOT p.is_own
    UNION ALL
    SELECT 'build', NULL, p.label, 'its version or its number is not valid'
    FROM page p WHERE p.version NOT BETWEEN 0 AND 4294967295 OR p.build NOT BETWEEN 0 AND 4294967295
    UNION ALL
    SELECT 'build', NULL, p.label, pg_catalog.format('its table %s does not exist', pg_catalog.quote_ident(p.label))
    FROM page p
    WHERE p.shape <> '' AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = _rows AND c.relname = p.label::name)) AS d
  UNION ALL
  SELECT 'checked', NULL::bigint, NULL, NULL, (SELECT pg_catalog.count(*) FROM page),
         (SELECT ARRAY[p.name, p.version::text, p.build::text] FROM page p ORDER BY p.name DESC, p.version DESC, p.build DESC LIMIT 1);
END
$verify_builds$
