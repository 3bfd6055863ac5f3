-- The keys of subjects, in the order of the subjects.
SELECT
  EXISTS (SELECT FROM {schema}.erasures e WHERE e.subject = wanted.subject AND NOT e.readmitted) AS is_erased,
  k.id, k.subject, k.wrapped, k.master
FROM pg_catalog.unnest($1::bytea[]) WITH ORDINALITY AS wanted(subject, number)
LEFT JOIN {schema}.subject_keys k
  ON k.subject = wanted.subject AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = k.id)
ORDER BY wanted.number
