INSERT INTO {schema}.log (id, lock_keys) VALUES (gen_random_uuid(), 1)
