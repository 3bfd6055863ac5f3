-- One row about the log itself. `lock_keys` is the version of the hash from which the keys of advisory locks are made;
-- all processes of a log must use the same. `high_water` is a position up to which the log is settled: a starting point
-- for processes, not necessarily the highest such position.
CREATE TABLE {schema}.log (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id         uuid    NOT NULL,
  lock_keys  integer NOT NULL,
  high_water bigint  NOT NULL DEFAULT 0
)
