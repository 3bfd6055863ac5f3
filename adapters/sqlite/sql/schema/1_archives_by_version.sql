CREATE INDEX {prefix}archives_by_version ON {prefix}archives (version)
