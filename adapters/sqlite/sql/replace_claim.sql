-- Changes no row if the claim is not the expected one; without a claim all three columns are NULL.
UPDATE {prefix}builds
SET claim_holder = ?7, claim_round = ?8, claim_challenged = ?9
WHERE projection = ?1 AND version = ?2 AND build = ?3
    AND claim_holder IS ?4 AND claim_round IS ?5 AND claim_challenged IS ?6
