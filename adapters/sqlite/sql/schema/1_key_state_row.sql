INSERT INTO {prefix}key_state (singleton) VALUES (1)
