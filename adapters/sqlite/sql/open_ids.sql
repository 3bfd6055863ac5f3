DELETE FROM {prefix}archived_ids WHERE archive = ?1
