-- Writes the write-ahead log into the file and truncates it. `busy`: whether another connection still uses it.
PRAGMA wal_checkpoint(TRUNCATE)
