-- The event types that inline builds fold. Changed only under the exclusive advisory lock on the log. Every append holds
-- that lock shared before it reads this table.
CREATE TABLE {schema}.inline_types (
  type    text COLLATE "C" NOT NULL,
  name    text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  build   bigint NOT NULL,
  CONSTRAINT inline_types_pkey PRIMARY KEY (type, name, version, build),
  CONSTRAINT inline_types_of_build FOREIGN KEY (name, version, build) REFERENCES {schema}.builds
)
