-- The version of the list of successors, the retags, as a JSON array, and the version that the list got when events last left the log for
-- an archive or returned, in each row, and the successors; one row without names if there
-- are none.
SELECT greatest(pg_catalog.max(s.version) OVER (), r.version, r.archived) AS list_version, r.retags, r.archived, s.name, s.successor, s.is_rename, s.since
FROM (
  SELECT pg_catalog.max(t.version) AS version,
         coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', t.name, 'kind', t.kind, 'state', t.state, 'position', t.position, 'events', t.events, 'changed', t.changed,
           'actor', t.actor, 'started_at', (EXTRACT(epoch FROM t.started_at) OPERATOR(pg_catalog.*) 1000000)::bigint,
           'updated_at', (EXTRACT(epoch FROM t.updated_at) OPERATOR(pg_catalog.*) 1000000)::bigint, 'version', t.version)), '[]')::text AS retags,
         (SELECT coalesce(pg_catalog.max(a.version), 0) FROM {schema}.archives a) AS archived
  FROM {schema}.event_retags t) AS r
LEFT JOIN {schema}.event_successors s ON true
