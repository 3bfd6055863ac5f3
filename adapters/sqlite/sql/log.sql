SELECT id, schema FROM {prefix}log
