-- One row without a position if the build has no parked events; no row if there is no such build.
SELECT p.position, p.event, p.keys::text AS keys, p.error::text AS error, p.attempts, p.needs_newer
FROM {schema}.builds b LEFT JOIN {schema}.parked p ON p.name = b.name AND p.version = b.version AND p.build = b.build
WHERE b.name = $1 AND b.version = $2 AND b.build = $3
ORDER BY p.position
