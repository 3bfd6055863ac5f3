SELECT FROM {schema}.builds WHERE name = $1 ORDER BY version, build FOR UPDATE
