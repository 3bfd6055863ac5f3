-- The versions after version 1 in which events are stored, each with its first and its last position: a few searches of the index by
-- version for each, however many events there are. The next version of a type and that of the next type are searched apart, since
-- SQLite would walk the events of a version to compare both at once.
WITH RECURSIVE found (position) AS (
    SELECT (
        SELECT e.position
        FROM {prefix}events AS e INDEXED BY {prefix}events_by_version
        WHERE e.version <> 1
        ORDER BY e.type, e.version, e.position
        LIMIT 1
    )
    UNION ALL
    SELECT coalesce(
        (
            SELECT e.position
            FROM {prefix}events AS e INDEXED BY {prefix}events_by_version
            WHERE e.version <> 1 AND e.type = one.type AND e.version > one.version
            ORDER BY e.version, e.position
            LIMIT 1
        ),
        (
            SELECT e.position
            FROM {prefix}events AS e INDEXED BY {prefix}events_by_version
            WHERE e.version <> 1 AND e.type > one.type
            ORDER BY e.type, e.version, e.position
            LIMIT 1
        )
    )
    FROM found CROSS JOIN {prefix}events AS one
    WHERE one.position = found.position
)
SELECT
    one.type,
    one.version,
    one.position AS first,
    (
        SELECT max(e.position)
        FROM {prefix}events AS e INDEXED BY {prefix}events_by_version
        WHERE e.version <> 1 AND e.type = one.type AND e.version = one.version
    ) AS last
FROM found CROSS JOIN {prefix}events AS one
WHERE one.position = found.position AND one.version > 1
