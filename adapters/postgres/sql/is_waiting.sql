-- Whether a session waits for a lock.
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = {session} AND NOT l.granted)
