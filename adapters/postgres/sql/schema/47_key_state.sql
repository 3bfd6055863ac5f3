-- One row: how many calls have erased a subject, and the key of the keyed hashes, NULL until it is made. That key is never removed:
-- without it no subject would be found.
CREATE TABLE {schema}.key_state (
  only_row         boolean CONSTRAINT key_state_pkey PRIMARY KEY DEFAULT true CHECK (only_row),
  erasures         bigint  NOT NULL DEFAULT 0,
  hash_key_id      uuid,
  hash_key_subject bytea,
  hash_key_wrapped bytea,
  hash_key_master  text COLLATE "C"
)
