-- The last position before the first event recorded later than $1. Tombstones are recorded at -infinity.
-- MATERIALIZED: the later events are found by the index on recorded_at instead of a scan of all earlier ones.
WITH later AS MATERIALIZED (
  SELECT e.position FROM {schema}.events e WHERE e.recorded_at > $1 AND e.position <= $2)
SELECT coalesce(pg_catalog.min(position) - 1, $2) AS position FROM later
