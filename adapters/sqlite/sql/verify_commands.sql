-- Verification of command ids: the events of each receipt are in the log, under the ids of the receipt. ?1 is the last id that was
-- checked, ?2 the number of rows of a page; NULL means no restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT
        id,
        json_valid(receipt) AND json_type(CASE WHEN json_valid(receipt) THEN receipt ELSE '0' END) = 'array' AS is_list,
        receipt
    FROM {prefix}commands
    WHERE id > coalesce(?1, '')
    ORDER BY id
    LIMIT coalesce(?2, -1)
),
event_of AS (
    SELECT
        page.id,
        r.key AS number,
        CASE WHEN r.type = 'array' THEN json_extract(r.value, '$[0]') END AS position,
        CASE WHEN r.type = 'array' THEN json_extract(r.value, '$[1]') END AS event
    FROM page
    CROSS JOIN json_each(CASE WHEN page.is_list THEN page.receipt ELSE '[]' END) AS r
),
damaged AS (
    SELECT
        r.id,
        r.position,
        min(r.number) AS number,
        CASE
            WHEN typeof(r.position) <> 'integer' OR typeof(r.event) <> 'text' THEN 'its receipt is not a list of positions and event ids'
            WHEN e.position IS NULL
                THEN printf('it refers to event %s at position %d, where the log has no event', r.event, r.position)
            ELSE printf('it refers to event %s at position %d, where the log has event %s', r.event, r.position, e.id)
        END AS problem
    FROM event_of AS r
    LEFT JOIN {prefix}events AS e ON e.position = r.position
    WHERE typeof(r.position) <> 'integer' OR typeof(r.event) <> 'text' OR e.position IS NULL OR e.id <> r.event
    GROUP BY r.id
    UNION ALL
    SELECT id, NULL, 0, 'its receipt is not a JSON array' FROM page WHERE NOT is_list
)
SELECT 'command_id' AS kind, position, printf('command id `%s`', id) AS place, problem, NULL AS checked, NULL AS last_key
FROM damaged
UNION ALL
SELECT 'checked', NULL, NULL, NULL, (SELECT count(*) FROM page), (SELECT json_array(max(id)) FROM page HAVING count(*) > 0);
