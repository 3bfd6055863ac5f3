-- The successors of event names. In the first row, which has no names, are the version of the list, the retags, as a JSON array, and the
-- version that the list got when events last left the log for an archive or returned.
SELECT
    NULL AS name, NULL AS successor, NULL AS is_rename, NULL AS since,
    max(
        (SELECT coalesce(max(version), 0) FROM {prefix}event_successors),
        (SELECT coalesce(max(version), 0) FROM {prefix}event_retags),
        (SELECT coalesce(max(version), 0) FROM {prefix}archives)
    ) AS version,
    (
        SELECT json_group_array(json_object(
            'name', name, 'kind', kind, 'state', state, 'position', position, 'events', events, 'changed', changed,
            'actor', actor, 'started_at', started_at, 'updated_at', updated_at, 'version', version
        ))
        FROM {prefix}event_retags
    ) AS retags,
    (SELECT coalesce(max(version), 0) FROM {prefix}archives) AS archived
UNION ALL
SELECT name, successor, is_rename, since, version, NULL, NULL FROM {prefix}event_successors
