UPDATE {prefix}builds SET stopped = ?4 WHERE projection = ?1 AND version = ?2 AND build = ?3
