-- Snapshots of aggregate states, so that long histories need not be read. Any row may be deleted: the next snapshot that
-- is due replaces it. `fingerprint` identifies the code that folded the state: the 64 bits of an unsigned number.
CREATE TABLE {schema}.snapshots (
  aggregate   text COLLATE "C" NOT NULL,
  tag         text COLLATE "C" NOT NULL, -- empty for an aggregate without a tag
  fingerprint bigint           NOT NULL,
  position    bigint           NOT NULL, -- the state includes all matching events up to here
  state       json             NOT NULL,
  CONSTRAINT snapshots_pkey PRIMARY KEY (aggregate, tag)
)
