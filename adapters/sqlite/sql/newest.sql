-- The newest position behind ?2 of an event that matches one of the probes ?1 (see matching.sql).
SELECT max(
    CASE
        WHEN probe.value ->> 'tag' IS NOT NULL THEN (
            SELECT tagged.position
            FROM {prefix}event_tags AS tagged
            WHERE tagged.tag = probe.value ->> 'tag'
                AND tagged.type = probe.value ->> 'type'
                AND tagged.position > ?2
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
            ORDER BY tagged.position DESC
            LIMIT 1
        )
        WHEN probe.value ->> 'type' IS NOT NULL THEN (
            SELECT max(position)
            FROM {prefix}events
            WHERE type = probe.value ->> 'type' AND position > ?2
        )
        ELSE (SELECT max(position) FROM {prefix}events WHERE position > ?2)
    END
) AS position
FROM json_each(?1) AS probe
