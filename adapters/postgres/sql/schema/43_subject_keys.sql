-- The keys of subjects, encrypted with a master key. A subject has one key at most: another one only after it was erased and readmitted.
CREATE TABLE {schema}.subject_keys (
  id      uuid             NOT NULL,
  subject bytea            NOT NULL, -- a keyed hash of 32 bytes
  wrapped bytea            NOT NULL, -- the encrypted key
  master  text COLLATE "C" NOT NULL, -- the name of the master key
  CONSTRAINT subject_keys_pkey PRIMARY KEY (id),
  CONSTRAINT subject_keys_subject UNIQUE (subject)
)
