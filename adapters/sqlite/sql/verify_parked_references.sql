-- The next ?5 parked events after the one of the projection ?1, the version ?2 and the build ?3 at position ?4, if their builds are of
-- another log.
SELECT p.projection, p.version, p.build, b.log, p.position, NULL AS anchor_position, p.event AS anchor_event
FROM (
    SELECT *
    FROM {prefix}parked
    WHERE (projection, version, build, position) > (?1, ?2, ?3, ?4)
    ORDER BY projection, version, build, position
    LIMIT ?5 + 0
) AS p
INNER JOIN {prefix}builds AS b ON b.projection = p.projection AND b.version = p.version AND b.build = p.build
WHERE b.log <> (SELECT id FROM {prefix}log)
