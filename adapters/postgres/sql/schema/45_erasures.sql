-- The records of erasures. `completed_at` is NULL while copies of the secrets may remain. A readmitted subject may have new keys.
CREATE TABLE {schema}.erasures (
  number       bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT erasures_pkey PRIMARY KEY,
  subject      bytea       NOT NULL, -- a keyed hash of 32 bytes
  actor        text COLLATE "C",
  erased_at    timestamptz NOT NULL,
  completed_at timestamptz,
  readmitted   boolean     NOT NULL DEFAULT false
)
