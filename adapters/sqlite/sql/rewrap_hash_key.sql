UPDATE {prefix}key_state SET hash_key_wrapped = ?2, hash_key_master = ?3 WHERE hash_key_id = ?1 AND hash_key_master <> ?3
