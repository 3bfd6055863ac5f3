-- Makes one build of the projection live, and all others not.
UPDATE {prefix}builds SET live = (version = ?2 AND build = ?3) WHERE projection = ?1
