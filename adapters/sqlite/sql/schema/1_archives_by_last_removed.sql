CREATE INDEX {prefix}archives_by_last_removed ON {prefix}archives (last_removed)
