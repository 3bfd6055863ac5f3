SELECT command, scope, receipt FROM {prefix}commands WHERE id = ?1
