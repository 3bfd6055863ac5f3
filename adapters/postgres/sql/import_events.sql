COPY {schema}.events (position, id, type, version, recorded_at, tags, data, metadata) FROM STDIN
