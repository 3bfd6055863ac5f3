-- Changes no row if the claim is not the expected one; without a claim all three columns are NULL.
UPDATE {schema}.builds
SET claim_holder = $7, claim_round = $8, claim_challenged = $9
WHERE name = $1 AND version = $2 AND build = $3
  AND claim_holder IS NOT DISTINCT FROM $4
  AND claim_round IS NOT DISTINCT FROM $5
  AND claim_challenged IS NOT DISTINCT FROM $6
