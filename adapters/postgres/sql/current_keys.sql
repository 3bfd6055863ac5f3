SELECT c.id, c.subject, c.wrapped, c.master, c.is_erased FROM {schema}.current_keys($1, $2, $3, $4, $5) AS c
