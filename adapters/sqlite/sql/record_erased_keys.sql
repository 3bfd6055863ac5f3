INSERT INTO {prefix}erased_keys (id) SELECT id FROM {prefix}subject_keys WHERE subject = ?1
ON CONFLICT (id) DO NOTHING
