-- Replaces the events at the positions in the JSON array ?1 by tombstones, which keep their ids. Recorded before every time, they hide no
-- event from `prefix_at`.
UPDATE {prefix}events
SET type = '$gap', version = 1, recorded_at = -9223372036854775808, tags = '[]', metadata = '{}', data = 'null'
WHERE position IN (SELECT value FROM json_each(?1))
