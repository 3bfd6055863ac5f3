-- The last position before the first event recorded later than $1, and the number of later events recorded until $1. Tombstones are
-- recorded at -infinity.
-- MATERIALIZED: the later events are found by the index on recorded_at instead of a scan of all earlier ones.
WITH later AS MATERIALIZED (
  SELECT e.position FROM {schema}.events e WHERE e.recorded_at > $1 AND e.position <= $2),
prefix AS (
  SELECT coalesce(pg_catalog.min(l.position) - 1, $2) AS up_to FROM later l)
SELECT p.up_to, (
  SELECT pg_catalog.count(*) FROM {schema}.events e
  WHERE e.position > p.up_to AND e.position <= $2 AND e.recorded_at <= $1 AND e.recorded_at > '-infinity') AS hidden
FROM prefix p
