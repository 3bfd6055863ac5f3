UPDATE {schema}.subject_keys k SET wrapped = $2, master = $3
WHERE k.id = $1 AND k.master <> $3 AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = k.id)
