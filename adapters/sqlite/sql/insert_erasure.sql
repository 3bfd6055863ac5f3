-- Records an erasure, unless the subject is erased.
INSERT INTO {prefix}erasures (subject, actor, erased_at, completed_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (subject) WHERE NOT readmitted DO NOTHING
