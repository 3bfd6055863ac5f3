-- The ids of erased keys. They stay, so that the row of a key that is restored from a backup is not used.
CREATE TABLE {schema}.erased_keys (id uuid CONSTRAINT erased_keys_pkey PRIMARY KEY)
