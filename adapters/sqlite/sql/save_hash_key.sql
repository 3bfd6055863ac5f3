-- Stores the key of the keyed hashes, unless there is one.
UPDATE {prefix}key_state SET hash_key_id = ?1, hash_key_subject = ?2, hash_key_wrapped = ?3, hash_key_master = ?4
WHERE hash_key_id IS NULL
