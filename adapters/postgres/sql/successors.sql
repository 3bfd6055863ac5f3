-- The version of the list of successors, in each row, and the successors; one row without names if there are none.
SELECT coalesce(pg_catalog.max(s.version) OVER (), 0) AS list_version, s.name, s.successor, s.is_rename, s.since
FROM (SELECT 1) AS one LEFT JOIN {schema}.event_successors s ON true
