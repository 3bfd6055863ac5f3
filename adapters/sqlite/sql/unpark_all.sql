DELETE FROM {prefix}parked WHERE projection = ?1 AND version = ?2 AND build = ?3
