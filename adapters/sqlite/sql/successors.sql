-- The successors of event names. In the first row, which has no names, is the version of the list.
SELECT NULL AS name, NULL AS successor, NULL AS is_rename, NULL AS since, coalesce(max(version), 0) AS version
FROM {prefix}event_successors
UNION ALL
SELECT name, successor, is_rename, since, version FROM {prefix}event_successors
