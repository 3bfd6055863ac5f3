-- The next $5 parked events after the one of the build with the name $1, the version $2 and the number $3 at position $4, if their
-- builds are of another log.
SELECT k.name, k.version, k.build, b.log, k.position, k.event
FROM (
  SELECT * FROM {schema}.parked
  WHERE (name, version, build, position) > ($1, $2, $3, $4) ORDER BY name, version, build, position LIMIT $5) AS k
JOIN {schema}.builds b ON b.name = k.name AND b.version = k.version AND b.build = k.build
WHERE b.log <> (SELECT l.id FROM {schema}.log l)
