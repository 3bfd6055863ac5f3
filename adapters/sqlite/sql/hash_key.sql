SELECT hash_key_id AS id, hash_key_subject AS subject, hash_key_wrapped AS wrapped, hash_key_master AS master
FROM {prefix}key_state WHERE hash_key_id IS NOT NULL
