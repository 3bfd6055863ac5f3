-- Verification of parked events: each is in the log, not after the checkpoint of its build, and the columns have the form of a parked
-- event. Whether events of another log exist is not checked. ?1, ?2, ?3 and ?4 are the projection, the version, the build and the
-- position of the last one that was checked, ?5 the number of rows of a page; NULL means no restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT projection, version, build, position, event, keys, attempts
    FROM {prefix}parked
    WHERE (projection, version, build, position) > (
        coalesce(?1, ''),
        coalesce(CAST(?2 AS INTEGER), -9223372036854775808),
        coalesce(CAST(?3 AS INTEGER), -9223372036854775808),
        coalesce(CAST(?4 AS INTEGER), -9223372036854775808)
    )
    ORDER BY projection, version, build, position
    LIMIT coalesce(?5, -1)
),
damaged AS (
    SELECT
        page.*,
        CASE
            WHEN b.projection IS NULL THEN printf('; the event at position %d is parked, but the build does not exist', page.position)
            ELSE ''
        END
            || CASE
                WHEN page.position > b.position OR page.position < 1
                    THEN printf('; the event at position %d is parked, but the checkpoint is at %d', page.position, b.position)
                ELSE ''
            END
            || CASE
                WHEN b.log = (SELECT id FROM {prefix}log) AND (e.position IS NULL OR e.id <> page.event)
                    THEN printf('; it refers to event %s at position %d, where the log has ', page.event, page.position)
                        || coalesce('event ' || e.id, 'no event')
                ELSE ''
            END
            || CASE
                WHEN NOT CASE WHEN json_valid(page.keys) THEN json_type(page.keys) = 'array' ELSE 0 END
                    OR page.attempts NOT BETWEEN 0 AND 4294967295
                    THEN printf('; the parked event at position %d has invalid keys or attempts', page.position)
                ELSE ''
            END AS problem
    FROM page
    LEFT JOIN {prefix}builds AS b ON b.projection = page.projection AND b.version = page.version AND b.build = page.build
    LEFT JOIN {prefix}events AS e ON e.position = page.position
)
SELECT
    'parked' AS kind,
    position,
    printf('build `%s_v%d', projection, version) || CASE WHEN build > 0 THEN printf('_%d`', build) ELSE '`' END AS place,
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
    (
        SELECT json_array(projection, CAST(version AS TEXT), CAST(build AS TEXT), CAST(position AS TEXT))
        FROM page
        ORDER BY projection DESC, version DESC, build DESC, position DESC
        LIMIT 1
    );
