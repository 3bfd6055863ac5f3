-- BRIN: small enough to add no measurable cost to an append. Recorded times mostly grow with the position.
CREATE INDEX events_by_time ON {schema}.events USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on)
