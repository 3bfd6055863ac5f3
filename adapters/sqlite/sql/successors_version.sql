-- The version of the list of successors.
SELECT coalesce(max(version), 0) FROM {prefix}event_successors
