-- Each version had one build. Live is the one whose table the view names.
INSERT INTO {prefix}builds
    (projection, version, build, log, shape, live, position, anchor_position, anchor_event, stopped, updated_at)
SELECT
    name, version, 0, log, shape,
    version IS (
        SELECT max(shown.version)
        FROM {prefix}projections AS shown
        WHERE shown.name = old.name AND EXISTS (
            SELECT 1
            FROM sqlite_schema AS view
            WHERE view.type = 'view' AND view.name = '{prefix}rows_' || shown.name
                AND view.sql || ';' GLOB '*{prefix}rows_' || shown.name || '_v' || shown.version || '[^0-9]*'
        )
    ),
    position, anchor_position, anchor_event, stopped, updated_at
FROM {prefix}projections AS old
