-- The states of keys, in the order of the ids.
SELECT wanted.id, x.id IS NOT NULL AS is_erased, k.subject, k.wrapped, k.master
FROM pg_catalog.unnest($1::uuid[]) WITH ORDINALITY AS wanted(id, number)
LEFT JOIN {schema}.subject_keys k ON k.id = wanted.id
LEFT JOIN {schema}.erased_keys x ON x.id = wanted.id
ORDER BY wanted.number
