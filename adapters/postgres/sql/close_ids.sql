-- Closes the ids $2 for the archive $1.
INSERT INTO {schema}.archived_ids (id, archive)
SELECT i.id, $1 FROM pg_catalog.unnest($2::text[]) AS i(id)
ON CONFLICT (id) DO NOTHING
