-- The states of keys, in the order of a JSON array of ids.
SELECT wanted.value AS id, erased.id IS NOT NULL AS is_erased, stored.subject, stored.wrapped, stored.master
FROM json_each(?1) AS wanted
LEFT JOIN {prefix}subject_keys AS stored ON stored.id = wanted.value
LEFT JOIN {prefix}erased_keys AS erased ON erased.id = wanted.value
ORDER BY wanted.key
