UPDATE {prefix}erasures SET completed_at = ?2 WHERE subject = ?1 AND completed_at IS NULL
