-- One build of the projection, and no other.
UPDATE {prefix}builds SET live = (version = ?2 AND build = ?3) WHERE projection = ?1
