-- What an append has to know of the log: the position of its last event, whether it has the newest event that the process has seen
-- (parameters: its position, its position again and its id, or NULL), the version of the list of successors, and the inline builds with
-- the types that they fold, as a JSON array of [projection, version, build, [types]].
SELECT
    (SELECT coalesce(max(position), 0) FROM {prefix}events) AS head,
    ? IS NULL OR EXISTS (SELECT 1 FROM {prefix}events WHERE position = ? AND id = ?) AS has_newest,
    (SELECT coalesce(max(version), 0) FROM {prefix}event_successors) AS successors,
    (
        SELECT json_group_array(json_array(projection, version, build, json(inline_types)))
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
    ) AS inline
