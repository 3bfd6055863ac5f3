CREATE INDEX {prefix}event_retags_by_version ON {prefix}event_retags (version)
