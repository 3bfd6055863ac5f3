-- How many events in (?2, ?3] match one of the probes ?1, if it is fewer than ?4; else ?4.
SELECT count(*) FROM (SELECT DISTINCT position FROM ({matching}) LIMIT ?4 + 0)
