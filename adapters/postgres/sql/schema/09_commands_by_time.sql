CREATE INDEX commands_by_time ON {schema}.commands USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on)
