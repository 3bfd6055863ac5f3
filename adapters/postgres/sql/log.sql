-- The row of the log, the version of its list of successors, its newest event, and the last position that the sequence assigned (NULL: this role may not know).
-- A snapshot contains no position that was not assigned before, and the sequence is read after the snapshot was taken.
SELECT l.id, l.lock_keys, l.high_water,
       greatest((SELECT pg_catalog.max(s.version) FROM {schema}.event_successors s),
                (SELECT pg_catalog.max(r.version) FROM {schema}.event_retags r),
                (SELECT pg_catalog.max(a.version) FROM {schema}.archives a), 0) AS successors,
       coalesce(n.position, 0) AS newest, n.id AS newest_id,
       CASE WHEN pg_catalog.has_sequence_privilege('{schema}.events_position_seq', 'USAGE, SELECT')
            THEN coalesce(pg_catalog.pg_sequence_last_value('{schema}.events_position_seq'), 0) END AS assigned
FROM {schema}.log l
LEFT JOIN (SELECT e.position, e.id FROM {schema}.events e ORDER BY e.position DESC LIMIT 1) AS n ON true
