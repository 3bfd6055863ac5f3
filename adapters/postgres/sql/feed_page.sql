SELECT e.position, e.type, e.version, e.data, e.id, e.recorded_at, e.tags, e.metadata
FROM {schema}.feed_page($1, $2, $3) AS e
