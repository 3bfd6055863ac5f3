-- For each scan (number, after, tag, types, other_tags) the position of the newest matching event after `after`, if there is one.
-- An event matches if it has the tag, one of the types and the other tags; without a tag, one of the types; without types, always.
-- `types` and `other_tags` are JSON arrays of texts.
WITH
    scan (number, after, tag, types, other_tags) AS (
        SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
    ),
    found (number, position) AS (
        SELECT
            scan.number,
            CASE
                WHEN scan.tag IS NOT NULL THEN (
                    SELECT max((
                        SELECT tagged.position
                        FROM {prefix}event_tags AS tagged
                        WHERE tagged.tag = scan.tag
                            AND tagged.type = kind.value
                            AND tagged.position > scan.after
                            AND NOT EXISTS (
                                SELECT 1
                                FROM json_each(scan.other_tags) AS other
                                WHERE NOT EXISTS (
                                    SELECT 1
                                    FROM {prefix}event_tags AS also
                                    WHERE also.tag = other.value
                                        AND also.type = tagged.type
                                        AND also.position = tagged.position
                                )
                            )
                        ORDER BY tagged.position DESC
                        LIMIT 1
                    ))
                    FROM json_each(scan.types) AS kind
                )
                WHEN scan.types <> '[]' THEN (
                    SELECT max((
                        SELECT max(position)
                        FROM {prefix}events
                        WHERE type = kind.value AND position > scan.after
                    ))
                    FROM json_each(scan.types) AS kind
                )
                ELSE (SELECT max(position) FROM {prefix}events WHERE position > scan.after)
            END
        FROM scan
    )
SELECT number, position FROM found WHERE position IS NOT NULL
