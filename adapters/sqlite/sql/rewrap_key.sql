UPDATE {prefix}subject_keys SET wrapped = ?2, master = ?3
WHERE id = ?1 AND master <> ?3 AND NOT EXISTS (SELECT 1 FROM {prefix}erased_keys AS x WHERE x.id = ?1)
