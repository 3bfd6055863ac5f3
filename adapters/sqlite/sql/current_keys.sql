-- The keys of subjects, in the order of a JSON array of their hashes as hexadecimal digits.
SELECT
    stored.id, stored.subject, stored.wrapped, stored.master,
    EXISTS (
        SELECT 1 FROM {prefix}erasures AS e WHERE e.subject = unhex(wanted.value) AND NOT e.readmitted
    ) AS is_erased
FROM json_each(?1) AS wanted
LEFT JOIN {prefix}subject_keys AS stored
    ON stored.subject = unhex(wanted.value)
    AND NOT EXISTS (SELECT 1 FROM {prefix}erased_keys AS x WHERE x.id = stored.id)
ORDER BY wanted.key
