-- Verification of the tag index: each row has an event with this tag and this type. A walk of the index in its order, because it has
-- none by position. ?1, ?2 and ?3 are the tag, the type and the position of the last row that was checked, ?4 the number of rows of a
-- page; NULL means no restriction. See `verify_events.sql`.
WITH page AS MATERIALIZED (
    SELECT tag, type, position
    FROM {prefix}event_tags
    WHERE (tag, type, position) > (
        coalesce(?1, ''), coalesce(?2, ''), coalesce(CAST(?3 AS INTEGER), -9223372036854775808)
    )
    ORDER BY tag, type, position
    LIMIT coalesce(?4, -1)
)
SELECT
    'tags' AS kind,
    page.position AS position,
    printf('position %d', page.position) AS place,
    printf('the tag index has a row of tag `%s` with type `%s`, but ', page.tag, page.type)
        || CASE
            WHEN e.position IS NULL THEN 'the log has no event there'
            WHEN e.type <> page.type THEN printf('the event has type `%s`', e.type)
            ELSE 'the event does not have the tag'
        END AS problem,
    NULL AS checked,
    NULL AS last_key
FROM page
LEFT JOIN {prefix}events AS e ON e.position = page.position
WHERE e.position IS NULL OR e.type <> page.type OR NOT EXISTS (
    SELECT 1
    FROM json_each(CASE WHEN json_valid(e.tags) THEN e.tags ELSE '[]' END) AS t
    WHERE t.value = page.tag
)
UNION ALL
SELECT
    'checked',
    NULL,
    NULL,
    NULL,
    (SELECT count(*) FROM page),
    (
        SELECT json_array(tag, type, CAST(position AS TEXT))
        FROM page
        ORDER BY tag DESC, type DESC, position DESC
        LIMIT 1
    );
