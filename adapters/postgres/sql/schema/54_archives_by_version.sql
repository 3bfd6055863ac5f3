CREATE INDEX archives_by_version ON {schema}.archives (version)
