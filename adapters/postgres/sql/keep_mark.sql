-- Where the next process starts to walk from. Not worth a wait: if somebody has the row, somebody else is keeping it.
UPDATE {schema}.log SET settled = $1
WHERE settled < $1 AND only_row IN (SELECT l.only_row FROM {schema}.log l FOR UPDATE SKIP LOCKED)
