CREATE UNIQUE INDEX builds_live ON {schema}.builds (name) WHERE live
