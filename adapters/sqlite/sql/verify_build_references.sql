-- The next ?4 builds after the one of the projection ?1 with the version ?2 and the number ?3, if they are of another log: their
-- checkpoints and the events at them.
SELECT b.projection, b.version, b.build, b.log, b.position, b.anchor_position, b.anchor_event
FROM (
    SELECT *
    FROM {prefix}builds
    WHERE (projection, version, build) > (?1, ?2, ?3)
    ORDER BY projection, version, build
    LIMIT ?4 + 0
) AS b
WHERE b.log <> (SELECT id FROM {prefix}log)
