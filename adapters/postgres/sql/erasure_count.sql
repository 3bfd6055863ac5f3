SELECT erasures FROM {schema}.key_state
