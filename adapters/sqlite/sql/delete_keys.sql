DELETE FROM {prefix}subject_keys WHERE subject = ?1
