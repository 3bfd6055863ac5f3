-- Which migrations this schema has. Ours alone: an application may have its own table of that kind elsewhere.
CREATE TABLE {schema}.migrations (
  version    integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)
