-- OR FAIL: whoever fails here gives the transaction up, so no journal has to be kept for the statement alone.
INSERT OR FAIL INTO {prefix}events (position, id, type, version, recorded_at, tags, metadata, data)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
