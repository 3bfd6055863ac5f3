-- States that spare a long past. Any row may be deleted: the next state that is due is kept again. `fingerprint` is of the
-- code that folded the state: the 64 bits of a number without a sign.
CREATE TABLE {schema}.snapshots (
  aggregate   text COLLATE "C" NOT NULL,
  tag         text COLLATE "C" NOT NULL, -- the empty text for an aggregate without a tag
  fingerprint bigint           NOT NULL,
  position    bigint           NOT NULL, -- what matches up to here is folded in
  state       json             NOT NULL,
  CONSTRAINT snapshots_pkey PRIMARY KEY (aggregate, tag)
)
