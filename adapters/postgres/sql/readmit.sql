UPDATE {schema}.erasures SET readmitted = true WHERE subject = $1 AND NOT readmitted
