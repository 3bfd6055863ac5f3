-- Whether there is an event of a type after a position.
SELECT EXISTS (SELECT FROM {schema}.events e WHERE e.type = $1 AND e.position > $2) AS has_later
