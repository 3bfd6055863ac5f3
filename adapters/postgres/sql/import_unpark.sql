-- Removes the parked events of a policy, which has others now.
DELETE FROM {schema}.parked WHERE name = $1 AND version = 1 AND build = 0
