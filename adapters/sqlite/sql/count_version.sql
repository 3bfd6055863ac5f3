-- The number of events of type ?1 and version ?3, which is later than 1; at most ?2.
SELECT count(*)
FROM (
    SELECT 1
    FROM {prefix}events INDEXED BY {prefix}events_by_version
    WHERE type = ?1 AND version = ?3 AND version <> 1
    LIMIT ?2
)
