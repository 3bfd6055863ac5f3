-- Verification of events: no position is missing unless the log was imported without it, the columns are valid, and each tag is in the index with the event's type.
--
-- Each `verify_…` statement checks one part of what is stored and returns a row for each defect: its kind, the position of the event
-- if it is about one, the place and the problem. The last row has the kind `checked`, the number of rows that were checked, and the
-- key of the last one as a JSON array.
--
-- A parameter that is NULL, as in the command line of SQLite, means no restriction: ?1 only events after this position, ?2 up to this
-- one, ?3 the number of rows of a page.
WITH
page AS MATERIALIZED (
    SELECT position
    FROM {prefix}events
    WHERE position > coalesce(CAST(?1 AS INTEGER), -9223372036854775808) AND position <= coalesce(?2, 9223372036854775807)
    ORDER BY position
    LIMIT coalesce(?3, -1)
),
page_end AS MATERIALIZED (
    -- A page that is not full reaches up to ?2, or to the end of the log.
    SELECT
        CASE
            WHEN (SELECT count(*) FROM page) < coalesce(?3, 9223372036854775807)
                THEN coalesce(?2, (SELECT max(position) FROM {prefix}events), 0)
            ELSE (SELECT max(position) FROM page)
        END AS position
),
gap AS (
    SELECT
        max(lag(position, 1, coalesce(CAST(?1 AS INTEGER), 0)) OVER (ORDER BY position), 0) + 1 AS first,
        position - 1 AS last
    FROM (SELECT position FROM page UNION SELECT position + 1 FROM page_end)
),
damaged AS (
    SELECT
        e.position,
        CASE WHEN e.position < 1 THEN '; the position is below 1' ELSE '' END
            || CASE
                WHEN e.type = '$gap'
                    THEN CASE WHEN e.tags <> '[]' THEN '; a tombstone has tags' ELSE '' END || CASE
                        WHEN EXISTS (
                            SELECT 1
                            FROM {prefix}archives AS a
                            WHERE json_extract(a.record, '$.state') = 'complete'
                                AND e.position BETWEEN json_extract(a.record, '$.removed.first') AND json_extract(a.record, '$.removed.last')
                        ) THEN ''
                        ELSE '; the event is removed, and no archive has it'
                    END
                WHEN e.type = '' OR length(CAST(e.type AS BLOB)) > 200 OR substr(e.type, 1, 1) = '$'
                    OR e.type GLOB '*[' || char(1) || '-' || char(32) || char(127) || ']*'
                    THEN printf('; the type `%s` is not valid', substr(e.type, 1, 100))
                ELSE ''
            END
            || CASE
                WHEN e.version NOT BETWEEN 0 AND 4294967295 THEN printf('; the version %d is not valid', e.version)
                ELSE ''
            END
            || CASE
                WHEN NOT json_valid(e.tags) THEN '; the tags are not JSON'
                WHEN json_type(e.tags) <> 'array' THEN '; the tags are not a JSON array'
                ELSE coalesce(
                    (
                        SELECT printf('; the tag `%s` is not valid', substr(t.value, 1, 100))
                        FROM json_each(e.tags) AS t
                        WHERE t.type <> 'text' OR length(CAST(t.value AS BLOB)) > 512 OR instr(t.value, ':') NOT BETWEEN 2 AND 65
                            OR t.value NOT GLOB '[a-z]*'
                            OR substr(t.value, 1, instr(t.value, ':') - 1) GLOB '*[^a-z0-9_]*'
                        LIMIT 1
                    ),
                    ''
                )
            END
            || CASE
                WHEN NOT json_valid(e.metadata) THEN '; the metadata is not JSON'
                WHEN json_type(e.metadata) <> 'object' THEN '; the metadata is not a JSON object'
                ELSE ''
            END
            || CASE WHEN NOT json_valid(e.data) THEN '; the payload is not JSON' ELSE '' END AS problem
    FROM page CROSS JOIN {prefix}events AS e ON e.position = page.position
),
untagged AS (
    SELECT e.position, e.type, min(t.value) AS tag, count(*) AS missing
    FROM page
    CROSS JOIN {prefix}events AS e ON e.position = page.position
    CROSS JOIN json_each(CASE WHEN json_valid(e.tags) THEN e.tags ELSE '[]' END) AS t
    WHERE NOT EXISTS (
        SELECT 1
        FROM {prefix}event_tags AS i
        WHERE i.tag = t.value AND i.type = e.type AND i.position = e.position
    )
    GROUP BY e.position
)
SELECT
    'gap' AS kind,
    first AS position,
    CASE WHEN first = last THEN printf('position %d', first) ELSE printf('positions %d to %d', first, last) END AS place,
    'the log has no event there' AS problem,
    NULL AS checked,
    NULL AS last_key
FROM gap
WHERE first <= last AND NOT EXISTS (SELECT 1 FROM {prefix}gaps AS g WHERE g.first <= gap.first AND g.last >= gap.last)
UNION ALL
SELECT 'event', position, printf('position %d', position), substr(problem, 3), NULL, NULL
FROM damaged
WHERE problem <> ''
UNION ALL
SELECT
    'tags',
    position,
    printf('position %d', position),
    printf('the tag index lacks %d of the rows of the event, such as that of tag `%s` with type `%s`', missing, tag, type),
    NULL,
    NULL
FROM untagged
UNION ALL
SELECT 'checked', NULL, NULL, NULL, (SELECT count(*) FROM page), (SELECT json_array(CAST(position AS TEXT)) FROM page_end);
