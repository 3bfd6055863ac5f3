CREATE INDEX archives_by_removal ON {schema}.archives (last_removed)
