-- The migrations that were applied to this schema. The table belongs to the schema of the log, so an application may have
-- a table of the same name in a schema of its own.
CREATE TABLE {schema}.migrations (
  version    integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)
