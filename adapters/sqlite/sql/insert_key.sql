-- Stores a key of a subject that has none and is not erased. An erased key that was restored from a backup is replaced.
INSERT INTO {prefix}subject_keys AS stored (id, subject, wrapped, master)
SELECT ?1, ?2, ?3, ?4
WHERE NOT EXISTS (SELECT 1 FROM {prefix}erasures AS e WHERE e.subject = ?2 AND NOT e.readmitted)
    AND NOT EXISTS (SELECT 1 FROM {prefix}erased_keys AS x WHERE x.id = ?1)
ON CONFLICT (subject) DO UPDATE
SET id = excluded.id, wrapped = excluded.wrapped, master = excluded.master
WHERE stored.id IN (SELECT x.id FROM {prefix}erased_keys AS x)
