SELECT p.position, p.data FROM {schema}.payloads_within($1, $2) AS p
