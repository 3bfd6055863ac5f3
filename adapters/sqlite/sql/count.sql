-- The number of events in (?2, ?3] that match one of the probes ?1 (see matching.sql), but at most ?4.
SELECT count(*) FROM (SELECT DISTINCT position FROM ({matching}) LIMIT ?4 + 0)
