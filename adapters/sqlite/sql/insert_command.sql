INSERT INTO {prefix}commands (id, command, scope, recorded_at, receipt)
VALUES (?1, ?2, ?3, ?4, ?5)
