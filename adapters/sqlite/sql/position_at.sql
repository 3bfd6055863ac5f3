-- The last position before the first event that was recorded later than ?1. Times need not grow with positions, so no
-- index would help: this reads the log from its start up to that event.
SELECT coalesce(
    (SELECT position - 1 FROM {prefix}events WHERE recorded_at > ?1 ORDER BY position LIMIT 1),
    (SELECT max(position) FROM {prefix}events),
    0
)
