UPDATE {prefix}key_state SET erasures = erasures + 1
