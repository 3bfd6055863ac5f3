-- Positions in (?2, ?3] of events that match one of the probes ?1, the first ?4 for each probe: the result may have more than
-- ?4 rows, and duplicates.
--
-- A probe is {"type", "tag", "other_tags"}, {"type"} or {}: one type with a tag (and other tags), one type, or all events. Each
-- probe scans one index in the order of positions and stops at the limit, so a page costs the same anywhere in the log.
--
-- LIMIT ?4 + 0, here and in other statements: with a bare parameter as limit SQLite compiles the statement again for each value,
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
                            FROM json_each(probe.value, '$.other_tags') AS other
                            WHERE NOT EXISTS (
                                SELECT 1
                                FROM {prefix}event_tags AS also
                                WHERE also.tag = other.value
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
                    WHERE position > ?2 AND position <= ?3 AND type <> '$gap'
                    ORDER BY position
                    LIMIT ?4 + 0
                )
            )
        END
    ) AS hit
