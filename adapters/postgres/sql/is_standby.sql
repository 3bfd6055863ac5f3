-- Whether this server replays the writes of another one, and accepts none.
SELECT pg_catalog.pg_is_in_recovery()
