SELECT p.kind, p.position, p.place, p.problem, p.checked, p.last_key
FROM {schema}.verify_page($1, $2, $3, $4) AS p
