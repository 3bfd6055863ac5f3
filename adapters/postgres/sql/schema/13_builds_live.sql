-- At most one build of a projection is live.
CREATE UNIQUE INDEX builds_live ON {schema}.builds (name) WHERE live
