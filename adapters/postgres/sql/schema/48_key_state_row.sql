INSERT INTO {schema}.key_state DEFAULT VALUES
