INSERT INTO {schema}.inline_types (name, version, build, type) SELECT $1, $2, $3, t.type FROM unnest($4::text[]) AS t(type)
