-- The last position before the first event that was recorded after ?1, and the number of later events that were recorded until ?1.
-- Times need not increase with positions, so an index would not help: this reads the log up to that event, and from there to its
-- end.
WITH prefix AS (
    SELECT coalesce(
        (SELECT position - 1 FROM {prefix}events WHERE recorded_at > ?1 ORDER BY position LIMIT 1),
        (SELECT max(position) FROM {prefix}events),
        0
    ) AS up_to
)
SELECT
    up_to,
    (SELECT count(*) FROM {prefix}events WHERE position > up_to AND recorded_at <= ?1 AND type <> '$gap') AS hidden
FROM prefix
