-- The first keys after an id, with that of the keyed hashes.
SELECT id, subject, wrapped, master FROM (
    SELECT id, subject, wrapped, master FROM {prefix}subject_keys AS stored
    WHERE id > ?1 AND NOT EXISTS (SELECT 1 FROM {prefix}erased_keys AS x WHERE x.id = stored.id)
    UNION ALL
    SELECT hash_key_id, hash_key_subject, hash_key_wrapped, hash_key_master FROM {prefix}key_state WHERE hash_key_id > ?1
)
ORDER BY id LIMIT ?2
