-- The next $4 builds after the one with the name $1, the version $2 and the number $3, if they are of another log: their checkpoints
-- and the events at them.
SELECT b.name, b.version, b.build, b.log, b.position, b.anchor_position, b.anchor_event
FROM (
  SELECT * FROM {schema}.builds
  WHERE (name, version, build) > ($1, $2, $3) ORDER BY name, version, build LIMIT $4) AS b
WHERE b.log <> (SELECT l.id FROM {schema}.log l)
