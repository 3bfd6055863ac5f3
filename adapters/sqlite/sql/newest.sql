-- For each walk (number, after, tag, types, more) the newest position behind `after` of an event that matches it, if there is
-- one: an event with the tag, one of the types and the further tags; without a tag, one of the types; without types,
-- whatever it is. `types` and `more` are JSON arrays of texts.
WITH
    walk (number, after, tag, types, more) AS (
        SELECT * FROM (VALUES (?, ?, ?, ?, ?)) WHERE column1 IS NOT NULL
    ),
    found (number, position) AS (
        SELECT
            walk.number,
            CASE
                WHEN walk.tag IS NOT NULL THEN (
                    SELECT max((
                        SELECT tagged.position
                        FROM {prefix}event_tags AS tagged
                        WHERE tagged.tag = walk.tag
                            AND tagged.type = kind.value
                            AND tagged.position > walk.after
                            AND NOT EXISTS (
                                SELECT 1
                                FROM json_each(walk.more) AS more
                                WHERE NOT EXISTS (
                                    SELECT 1
                                    FROM {prefix}event_tags AS also
                                    WHERE also.tag = more.value
                                        AND also.type = tagged.type
                                        AND also.position = tagged.position
                                )
                            )
                        ORDER BY tagged.position DESC
                        LIMIT 1
                    ))
                    FROM json_each(walk.types) AS kind
                )
                WHEN walk.types <> '[]' THEN (
                    SELECT max((
                        SELECT max(position)
                        FROM {prefix}events
                        WHERE type = kind.value AND position > walk.after
                    ))
                    FROM json_each(walk.types) AS kind
                )
                ELSE (SELECT max(position) FROM {prefix}events WHERE position > walk.after)
            END
        FROM walk
    )
SELECT number, position FROM found WHERE position IS NOT NULL
