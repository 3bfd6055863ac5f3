-- The number of events of type ?1, at most ?2.
SELECT count(*)
FROM (SELECT 1 FROM {prefix}events WHERE type = ?1 LIMIT ?2)
