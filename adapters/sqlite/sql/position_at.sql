-- The last position before the first event that was recorded after ?1. Times need not increase with positions, so an index would
-- not help: this reads the log from its start up to that event.
SELECT coalesce(
    (SELECT position - 1 FROM {prefix}events WHERE recorded_at > ?1 ORDER BY position LIMIT 1),
    (SELECT max(position) FROM {prefix}events),
    0
)
