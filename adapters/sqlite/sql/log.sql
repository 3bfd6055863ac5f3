SELECT id, schema_version FROM {prefix}log
