-- A schema for the tables and views of projections alone, so that no projection name can collide with a table of the log.
-- The existence is checked first: CREATE SCHEMA IF NOT EXISTS needs the right to create schemas even if it exists.
DO $$
BEGIN
  IF to_regnamespace('{rows}') IS NULL THEN
    CREATE SCHEMA {rows};
  END IF;
END
$$
