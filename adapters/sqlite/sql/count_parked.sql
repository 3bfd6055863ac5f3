UPDATE {prefix}builds
SET parked = (
    SELECT count(*) FROM {prefix}parked WHERE projection = ?1 AND version = ?2 AND build = ?3
)
WHERE projection = ?1 AND version = ?2 AND build = ?3
