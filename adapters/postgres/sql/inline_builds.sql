SELECT DISTINCT name, version, build FROM {schema}.inline_types WHERE type = ANY ($1) ORDER BY name, version, build
