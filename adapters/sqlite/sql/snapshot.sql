SELECT position, state FROM {prefix}snapshots WHERE aggregate = ?1 AND tag = ?2 AND fingerprint = ?3
