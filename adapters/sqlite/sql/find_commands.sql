-- The accepted commands among the ids ?1, a JSON array.
SELECT command.id, command.command, command.scope, command.receipt
FROM json_each(?1) AS wanted
CROSS JOIN {prefix}commands AS command ON command.id = wanted.value
