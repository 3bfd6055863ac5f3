-- What an append stands on: the position of the last event, and the builds that are kept inline with the types of their
-- folds, as a JSON array of [projection, version, build, [types]].
SELECT
    (SELECT coalesce(max(position), 0) FROM {prefix}events) AS head,
    (
        SELECT json_group_array(json_array(projection, version, build, json(inline_types)))
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
    ) AS inline
