UPDATE {prefix}erasures SET readmitted = 1 WHERE subject = ?1 AND NOT readmitted
