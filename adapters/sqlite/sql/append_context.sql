-- What an append has to know of the log: the position of its last event, whether it has the event ?2 at position ?1, and the inline builds with the types that they fold,
-- as a JSON array of [projection, version, build, [types]].
SELECT
    (SELECT coalesce(max(position), 0) FROM {prefix}events) AS head,
    ?1 IS NULL OR EXISTS (SELECT 1 FROM {prefix}events WHERE position = ?1 AND id = ?2) AS has_newest,
    (
        SELECT json_group_array(json_array(projection, version, build, json(inline_types)))
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
    ) AS inline
