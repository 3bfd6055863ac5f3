-- Verification of the journal: the events of accepted commands are in the log, and the columns have the form of an entry. ?1 is the
-- last number that was checked, ?2 the number of rows of a page; NULL means no restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT number, metadata, body, positions
    FROM {prefix}journal
    WHERE number > coalesce(CAST(?1 AS INTEGER), -9223372036854775808)
    ORDER BY number
    LIMIT coalesce(?2, -1)
),
damaged AS (
    SELECT
        page.number,
        CASE WHEN page.number < 1 THEN '; the number is below 1' ELSE '' END
            || CASE
                WHEN NOT json_valid(page.metadata) THEN '; the metadata is not JSON'
                WHEN json_type(page.metadata) <> 'object' THEN '; the metadata is not a JSON object'
                ELSE ''
            END
            || CASE WHEN NOT json_valid(page.body) THEN '; the command is not JSON' ELSE '' END
            || CASE
                WHEN page.positions IS NULL THEN ''
                WHEN NOT json_valid(page.positions) THEN '; the positions are not JSON'
                WHEN json_type(page.positions) <> 'array' THEN '; the positions are not a JSON array'
                ELSE coalesce(
                    (
                        SELECT printf('; the log has no event at position %s', r.value)
                        FROM json_each(page.positions) AS r
                        WHERE r.type <> 'integer' OR NOT EXISTS (SELECT 1 FROM {prefix}events AS e WHERE e.position = r.value)
                        LIMIT 1
                    ),
                    ''
                )
            END AS problem
    FROM page
)
SELECT
    'journal' AS kind,
    NULL AS position,
    printf('journal entry %d', number) AS place,
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
    (SELECT json_array(CAST(max(number) AS TEXT)) FROM page HAVING count(*) > 0);
