-- Verification of snapshots: none is of a later position than the log has, and each is JSON. ?1 and ?2 are the aggregate and the tag
-- of the last one that was checked, ?3 the number of rows of a page; NULL means no restriction. See `verify_events.sql`.
WITH
page AS MATERIALIZED (
    SELECT aggregate, tag, position
    FROM {prefix}snapshots
    WHERE (aggregate, tag) > (coalesce(?1, ''), coalesce(?2, ''))
    ORDER BY aggregate, tag
    LIMIT coalesce(?3, -1)
),
log_end AS MATERIALIZED (SELECT coalesce(max(position), 0) AS position FROM {prefix}events)
SELECT
    'snapshot' AS kind,
    NULL AS position,
    printf('snapshot of `%s` `%s`', page.aggregate, page.tag) AS place,
    printf('it is at position %d, and the log ends at %d', page.position, log_end.position) AS problem,
    NULL AS checked,
    NULL AS last_key
FROM page CROSS JOIN log_end
WHERE page.position < 1 OR page.position > log_end.position
UNION ALL
SELECT 'snapshot', NULL, printf('snapshot of `%s` `%s`', s.aggregate, s.tag), 'the state is not JSON', NULL, NULL
FROM page
CROSS JOIN {prefix}snapshots AS s ON s.aggregate = page.aggregate AND s.tag = page.tag
WHERE NOT json_valid(s.state)
UNION ALL
SELECT
    'checked',
    NULL,
    NULL,
    NULL,
    (SELECT count(*) FROM page),
    (SELECT json_array(aggregate, tag) FROM page ORDER BY aggregate DESC, tag DESC LIMIT 1);
