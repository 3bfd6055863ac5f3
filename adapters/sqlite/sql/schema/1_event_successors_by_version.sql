CREATE INDEX {prefix}event_successors_by_version ON {prefix}event_successors (version)
