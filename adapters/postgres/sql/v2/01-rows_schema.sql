-- Where the tables and views of projections are, and nothing else: whatever a projection is called, it is not in the
-- way of the log. Asked for first: CREATE SCHEMA IF NOT EXISTS wants a right that is not needed if it exists.
DO $$
BEGIN
  IF to_regnamespace('{schema}_rows') IS NULL THEN
    CREATE SCHEMA {schema}_rows;
  END IF;
END
$$
