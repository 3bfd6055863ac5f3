-- The types that an inline build folds.
UPDATE {prefix}builds SET inline_types = ?4 WHERE projection = ?1 AND version = ?2 AND build = ?3
