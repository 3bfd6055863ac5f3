-- The events at the positions ?4, a JSON array.
DELETE FROM {prefix}parked
WHERE projection = ?1 AND version = ?2 AND build = ?3 AND position IN (SELECT value FROM json_each(?4))
