-- Returns the key of each subject, in the order of the arrays, or that it is erased. For a subject without a key the passed one is stored;
-- of several calls that pass one, all get that of the first. A row without an id and not erased: the passed id is that of an erased key, or
-- the subject was erased and readmitted meanwhile.
--
-- Keys are stored under a shared lock, and erased under the same lock, exclusively. The next statement of a VOLATILE function has a new
-- snapshot, so it sees every erasure that was committed before the lock was acquired; this holds in READ COMMITTED only. Rows are inserted
-- in the order of the subjects, so two calls do not wait for each other in a circle.
CREATE FUNCTION {schema}.current_keys(_lock bigint, _id uuid[], _subject bytea[], _wrapped bytea[], _master text[])
RETURNS TABLE (id uuid, subject bytea, wrapped bytea, master text, is_erased boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $current_keys$
#variable_conflict use_column
BEGIN
  IF EXISTS (
    SELECT FROM unnest(_subject) AS wanted(subject)
    WHERE NOT EXISTS (SELECT FROM {schema}.erasures e WHERE e.subject = wanted.subject AND NOT e.readmitted)
      AND NOT EXISTS (
        SELECT FROM {schema}.subject_keys k
        WHERE k.subject = wanted.subject AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = k.id)))
  THEN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'keys are stored in transaction isolation "read committed", not "%"', current_setting('transaction_isolation')
        USING ERRCODE = 'AN001';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(_lock);
    -- An erased key that was restored from a backup is replaced.
    INSERT INTO {schema}.subject_keys AS stored (id, subject, wrapped, master)
    SELECT DISTINCT ON (n.subject) n.id, n.subject, n.wrapped, n.master
    FROM unnest(_id, _subject, _wrapped, _master) WITH ORDINALITY AS n(id, subject, wrapped, master, number)
    WHERE NOT EXISTS (SELECT FROM {schema}.erasures e WHERE e.subject = n.subject AND NOT e.readmitted)
      AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = n.id)
    ORDER BY n.subject, n.number
    ON CONFLICT (subject) DO UPDATE SET id = excluded.id, wrapped = excluded.wrapped, master = excluded.master
    WHERE EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = stored.id);
  END IF;
  RETURN QUERY
  SELECT k.id, k.subject, k.wrapped, k.master,
    EXISTS (SELECT FROM {schema}.erasures e WHERE e.subject = wanted.subject AND NOT e.readmitted)
  FROM unnest(_subject) WITH ORDINALITY AS wanted(subject, number)
  LEFT JOIN {schema}.subject_keys k
    ON k.subject = wanted.subject AND NOT EXISTS (SELECT FROM {schema}.erased_keys x WHERE x.id = k.id)
  ORDER BY wanted.number;
END
$current_keys$
