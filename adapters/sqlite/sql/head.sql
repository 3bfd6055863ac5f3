-- The position of the last event.
SELECT coalesce(max(position), 0) FROM {prefix}events
