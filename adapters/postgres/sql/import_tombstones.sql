-- Tombstones for the positions without an event: as close_gaps writes them.
INSERT INTO {schema}.events (position, id, type, version, recorded_at, tags, data, metadata)
SELECT gap, '00000000-0000-0000-0000-000000000000', '$gap', 0, '-infinity', '{}', 'null', '{}'
FROM (SELECT e.position, pg_catalog.lag(e.position, 1, 0::bigint) OVER (ORDER BY e.position) AS previous FROM {schema}.events e) AS e
CROSS JOIN LATERAL pg_catalog.generate_series(e.previous + 1, e.position - 1) AS gap
