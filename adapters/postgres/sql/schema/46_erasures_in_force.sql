CREATE UNIQUE INDEX erasures_in_force ON {schema}.erasures (subject) WHERE NOT readmitted
