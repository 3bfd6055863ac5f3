-- The version of the list of successors, retags and archives.
SELECT max(
    (SELECT coalesce(max(version), 0) FROM {prefix}event_successors),
    (SELECT coalesce(max(version), 0) FROM {prefix}event_retags),
    (SELECT coalesce(max(version), 0) FROM {prefix}archives)
)
