CREATE INDEX {prefix}commands_by_time ON {prefix}commands (recorded_at)
