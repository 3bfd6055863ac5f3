-- Replaces the payload of the event at ?1, if it is of the type ?2.
UPDATE {prefix}events SET data = ?3 WHERE position = ?1 AND type = ?2
