-- What an append has to know of the log: the position of its last event, and the inline builds with the types that they fold,
-- as a JSON array of [projection, version, build, [types]].
SELECT
    (SELECT coalesce(max(position), 0) FROM {prefix}events) AS head,
    (
        SELECT json_group_array(json_array(projection, version, build, json(inline_types)))
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
    ) AS inline
