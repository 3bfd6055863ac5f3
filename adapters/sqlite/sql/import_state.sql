-- Whether the log has anything, and an inline build if there is one.
SELECT
    EXISTS (SELECT 1 FROM {prefix}events)
        OR EXISTS (SELECT 1 FROM {prefix}commands)
        OR EXISTS (SELECT 1 FROM {prefix}journal)
        OR EXISTS (SELECT 1 FROM {prefix}event_successors)
        OR EXISTS (SELECT 1 FROM {prefix}event_retags)
        OR EXISTS (SELECT 1 FROM {prefix}archives),
    (
        SELECT printf('%s_v%d', projection, version)
        FROM {prefix}builds
        WHERE inline_types IS NOT NULL
        LIMIT 1
    )
