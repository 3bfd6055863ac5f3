-- Verification of the successors of event names: each begins with an event of its name, and the names are those of event types. ?1 and ?2
-- are the names of the last one that was checked, ?3 the number of rows of a page; NULL means no restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT name, successor, since, version
    FROM {prefix}event_successors
    WHERE (name, successor) > (coalesce(?1, ''), coalesce(?2, ''))
    ORDER BY name, successor
    LIMIT coalesce(?3, -1)
),
damaged AS (
    SELECT
        page.name,
        page.successor,
        CASE WHEN page.version < 1 THEN '; the version is below 1' ELSE '' END
            || CASE
                WHEN page.name = '' OR substr(page.name, 1, 1) = '$' OR page.name GLOB '*[' || char(1) || '-' || char(32) || char(127) || ']*'
                    THEN '; the older name is not that of an event type'
                ELSE ''
            END
            || CASE
                WHEN e.position IS NULL THEN printf('; the log has no event at position %d, where it begins', page.since)
                WHEN e.type <> page.successor AND e.type <> '$gap'
                    THEN printf('; the event at position %d, where it begins, has type `%s`', page.since, e.type)
                ELSE ''
            END AS problem
    FROM page
    LEFT JOIN {prefix}events AS e ON e.position = page.since
)
SELECT
    'successor' AS kind,
    NULL AS position,
    printf('successor `%s` of `%s`', successor, name) AS place,
    substr(problem, 3) AS problem,
    NULL AS checked,
    NULL AS last_key
FROM damaged
WHERE problem <> ''
UNION ALL
SELECT
    'checked',
    NULL,
    NULL,
    NULL,
    (SELECT count(*) FROM page),
    (SELECT json_array(name, successor) FROM page ORDER BY name DESC, successor DESC LIMIT 1);
