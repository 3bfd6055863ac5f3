-- The ids of a JSON array that were accepted.
SELECT command.id, command.command, command.scope, command.receipt
FROM json_each(?1) AS wanted
CROSS JOIN {prefix}commands AS command ON command.id = wanted.value
