-- The successors of event names: which names a reader of an older name has to read too. `is_rename`: whether it is the same event type.
-- `since` is the position of the first event that was appended as a successor. The largest version is that of the whole list. Rows are
-- inserted under the exclusive advisory lock on the log. Every append holds that lock shared before it reads this table.
CREATE TABLE {schema}.event_successors (
  name      text COLLATE "C" NOT NULL,
  successor text COLLATE "C" NOT NULL,
  is_rename boolean NOT NULL,
  since     bigint NOT NULL,
  version   bigint NOT NULL,
  CONSTRAINT event_successors_pkey PRIMARY KEY (name, successor)
)
