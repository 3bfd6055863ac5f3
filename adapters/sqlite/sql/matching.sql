-- Positions in (?2, ?3] of events that match one of the probes ?1: of each probe the first ?4, so some too many, and some
-- twice.
--
-- A probe is {"type", "tag", "more"}, {"type"} or {}: one type with a tag, one type, everything. Each of them walks one
-- index in the order of the positions and stops at the limit, so a page costs the same wherever it stands in the log.
--
-- LIMIT ?4 + 0, here and elsewhere: SQLite compiles a statement anew for every value of a bare parameter that is a limit,
-- which costs ten times the search.
SELECT hit.value AS position
FROM
    json_each(?1) AS probe,
    json_each(
        CASE
            WHEN probe.value ->> 'tag' IS NOT NULL THEN (
                SELECT json_group_array(position)
                FROM (
                    SELECT tagged.position
                    FROM {prefix}event_tags AS tagged
                    WHERE tagged.tag = probe.value ->> 'tag'
                        AND tagged.type = probe.value ->> 'type'
                        AND tagged.position > ?2
                        AND tagged.position <= ?3
                        AND NOT EXISTS (
                            SELECT 1
                            FROM json_each(probe.value, '$.more') AS more
                            WHERE NOT EXISTS (
                                SELECT 1
                                FROM {prefix}event_tags AS also
                                WHERE also.tag = more.value
                                    AND also.type = tagged.type
                                    AND also.position = tagged.position
                            )
                        )
                    ORDER BY tagged.position
                    LIMIT ?4 + 0
                )
            )
            WHEN probe.value ->> 'type' IS NOT NULL THEN (
                SELECT json_group_array(position)
                FROM (
                    SELECT position
                    FROM {prefix}events
                    WHERE type = probe.value ->> 'type' AND position > ?2 AND position <= ?3
                    ORDER BY position
                    LIMIT ?4 + 0
                )
            )
            ELSE (
                SELECT json_group_array(position)
                FROM (
                    SELECT position
                    FROM {prefix}events
                    WHERE position > ?2 AND position <= ?3
                    ORDER BY position
                    LIMIT ?4 + 0
                )
            )
        END
    ) AS hit
