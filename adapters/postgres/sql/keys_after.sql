-- The first keys after an id, with that of the keyed hashes.
SELECT id, subject, wrapped, master
FROM (
  SELECT k.id, k.subject, k.wrapped, k.master FROM {schema}.subject_keys k
  WHERE k.id > $1 AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = k.id)
  UNION ALL
  SELECT s.hash_key_id, s.hash_key_subject, s.hash_key_wrapped, s.hash_key_master FROM {schema}.key_state s WHERE s.hash_key_id > $1
) AS all_keys
ORDER BY id LIMIT $2
