-- What an append has to know of the log: the position of its last event, whether it has the newest event that the process has seen
-- (parameters: its position, its position again and its id, or NULL), the version of the list of successors, and the inline builds with
-- the types that they fold, as a JSON array of [projection, version, build, [types]]. Then whether ids are closed, and the position of the
-- last event that has left the log for an archive.
SELECT
    (SELECT coalesce(max(position), 0) FROM {prefix}events) AS head,
    ? IS NULL OR EXISTS (SELECT 1 FROM {prefix}events WHERE position = ? AND id = ?) AS has_newest,
    max(
        (SELECT coalesce(max(version), 0) FROM {prefix}event_successors),
        (SELECT coalesce(max(version), 0) FROM {prefix}event_retags),
        (SELECT coalesce(max(version), 0) FROM {prefix}archives)
    ) AS successors,
    (
        SELECT json_group_array(json_array(projection, version, build, json(inline_types)))
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
    ) AS inline,
    EXISTS (SELECT 1 FROM {prefix}archived_ids) AS has_closed_ids,
    (SELECT coalesce(max(last_removed), 0) FROM {prefix}archives) AS last_removed
