-- One row: what the log knows about itself. `lock_keys` is the version of the hash behind the advisory locks, which
-- every process must share; `settled` is a position up to which the log was found settled, not necessarily the last.
CREATE TABLE {schema}.log (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id        uuid    NOT NULL,
  lock_keys integer NOT NULL,
  settled   bigint  NOT NULL DEFAULT 0
)
