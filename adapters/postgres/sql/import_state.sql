-- Whether the log has anything, an inline build if there is one, and whether this role may restart the sequences.
SELECT
  EXISTS (SELECT FROM {schema}.events) OR EXISTS (SELECT FROM {schema}.commands) OR EXISTS (SELECT FROM {schema}.journal)
    OR EXISTS (SELECT FROM {schema}.event_successors) OR EXISTS (SELECT FROM {schema}.event_retags) OR EXISTS (SELECT FROM {schema}.archives) AS has_content,
  (SELECT pg_catalog.format('%s_v%s', i.name, i.version) FROM {schema}.inline_types i LIMIT 1) AS inline,
  (SELECT pg_catalog.bool_and(pg_catalog.pg_has_role(c.relowner, 'USAGE')) FROM pg_catalog.pg_class c
   WHERE c.oid IN ('{schema}.events_position_seq'::pg_catalog.regclass, '{schema}.journal_number_seq'::pg_catalog.regclass)) AS is_owner
