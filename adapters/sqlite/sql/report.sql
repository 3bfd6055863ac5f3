UPDATE {prefix}projections SET stopped = ?3, updated_at = ?4 WHERE name = ?1 AND version = ?2
