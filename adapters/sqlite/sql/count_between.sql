-- The number of events in (?2, ?3] that match one of the probes ?1 (see matching.sql), each counted once.
SELECT count(DISTINCT position)
FROM (
    SELECT tagged.position
    FROM json_each(?1) AS probe
    CROSS JOIN {prefix}event_tags AS tagged
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
    UNION ALL
    SELECT event.position
    FROM json_each(?1) AS probe
    CROSS JOIN {prefix}events AS event
    WHERE probe.value ->> 'tag' IS NULL
        AND event.type = probe.value ->> 'type'
        AND event.position > ?2
        AND event.position <= ?3
    UNION ALL
    SELECT event.position
    FROM json_each(?1) AS probe
    CROSS JOIN {prefix}events AS event
    WHERE probe.value = '{}' AND event.position > ?2 AND event.position <= ?3 AND event.type <> '$gap'
)
