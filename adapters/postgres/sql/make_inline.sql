INSERT INTO {schema}.inline_types (name, version, build, type) SELECT $1, $2, $3, t.type FROM pg_catalog.unnest($4::text[]) AS t(type)
ON CONFLICT DO NOTHING
