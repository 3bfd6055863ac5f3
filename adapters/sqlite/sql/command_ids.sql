-- The first ?2 accepted commands after the id ?1.
SELECT id, command, scope, recorded_at, receipt FROM {prefix}commands WHERE id > ?1 ORDER BY id LIMIT ?2
