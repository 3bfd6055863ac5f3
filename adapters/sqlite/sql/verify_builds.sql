-- Verification of builds: checkpoints belong to the log, at most one build of a projection is live, the number of parked events is
-- right, inline builds have event types, and the tables of rows exist. Checkpoints of another log are not checked. ?1, ?2 and ?3 are
-- the projection, the version and the number of the last build that was checked, ?4 the number of rows of a page; NULL means no
-- restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT
        b.*,
        b.log = (SELECT id FROM {prefix}log) AS is_own,
        printf('%s_v%d', b.projection, b.version) || CASE WHEN b.build > 0 THEN printf('_%d', b.build) ELSE '' END AS label
    FROM {prefix}builds AS b
    WHERE (b.projection, b.version, b.build) > (
        coalesce(?1, ''),
        coalesce(CAST(?2 AS INTEGER), -9223372036854775808),
        coalesce(CAST(?3 AS INTEGER), -9223372036854775808)
    )
    ORDER BY b.projection, b.version, b.build
    LIMIT coalesce(?4, -1)
),
log_end AS MATERIALIZED (SELECT coalesce(max(position), 0) AS position FROM {prefix}events),
damaged AS (
    SELECT
        'checkpoint' AS kind,
        NULL AS position,
        label,
        printf('its checkpoint is at position %d, and the log ends at %d', page.position, log_end.position) AS problem
    FROM page CROSS JOIN log_end
    WHERE page.position < 0 OR page.is_own AND page.position > log_end.position
    UNION ALL
    SELECT
        'checkpoint',
        page.anchor_position,
        page.label,
        printf('it refers to event %s at position %d, where the log has ', page.anchor_event, page.anchor_position)
            || coalesce('event ' || e.id, 'no event')
    FROM page
    LEFT JOIN {prefix}events AS e ON e.position = page.anchor_position
    WHERE page.is_own AND page.anchor_position IS NOT NULL AND (e.position IS NULL OR e.id <> page.anchor_event)
    UNION ALL
    SELECT 'checkpoint', NULL, label, printf('its anchor is after its checkpoint at %d', position)
    FROM page
    WHERE anchor_position > position
    UNION ALL
    SELECT 'parked', NULL, label, printf('its checkpoint counts %d parked events, and %d are stored', parked, stored)
    FROM (
        SELECT
            page.label,
            page.parked,
            (
                SELECT count(*)
                FROM {prefix}parked AS p
                WHERE p.projection = page.projection AND p.version = page.version AND p.build = page.build
            ) AS stored
        FROM page
    )
    WHERE parked <> stored
    UNION ALL
    SELECT 'build', NULL, page.label, printf('it is live, and so is build %d of version %d', min(b.build), b.version)
    FROM page
    CROSS JOIN {prefix}builds AS b ON b.projection = page.projection
    WHERE page.live AND b.live AND (b.version, b.build) < (page.version, page.build)
    GROUP BY page.label
    UNION ALL
    SELECT 'build', NULL, label, 'it is inline, but `inline_types` is not a list of event types'
    FROM page
    WHERE inline_types IS NOT NULL
        AND NOT CASE WHEN json_valid(inline_types) THEN json_type(inline_types) = 'array' AND json_array_length(inline_types) > 0 ELSE 0 END
    UNION ALL
    SELECT 'build', NULL, label, 'it is inline, but its rows are made of the events of another log'
    FROM page
    WHERE inline_types IS NOT NULL AND NOT is_own
    UNION ALL
    SELECT 'build', NULL, label, 'its version or its number is not valid'
    FROM page
    WHERE version NOT BETWEEN 0 AND 4294967295 OR build NOT BETWEEN 0 AND 4294967295
    UNION ALL
    SELECT 'build', NULL, label, printf('its table {prefix}rows_%s does not exist', label)
    FROM page
    WHERE shape <> '' AND NOT EXISTS (
        SELECT 1
        FROM sqlite_schema AS s
        WHERE s.type = 'table' AND s.name = '{prefix}rows_' || page.label
    )
)
SELECT kind, position, printf('build `%s`', label) AS place, problem, NULL AS checked, NULL AS last_key
FROM damaged
UNION ALL
SELECT
    'checked',
    NULL,
    NULL,
    NULL,
    (SELECT count(*) FROM page),
    (
        SELECT json_array(projection, CAST(version AS TEXT), CAST(build AS TEXT))
        FROM page
        ORDER BY projection DESC, version DESC, build DESC
        LIMIT 1
    );
