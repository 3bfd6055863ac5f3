CREATE INDEX {prefix}events_by_type ON {prefix}events (type, position)
