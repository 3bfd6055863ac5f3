SELECT erasures FROM {prefix}key_state
