CREATE UNIQUE INDEX {prefix}erasures_in_force ON {prefix}erasures (subject) WHERE NOT readmitted
