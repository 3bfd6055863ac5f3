-- The passes that add the tags of a kind of ids to the stored events of a type: a record of the change, and what programs have to know.
-- `state`: 0 running, 1 closing, 2 complete. Up to `position` the events have the tags; `events` is how many were read, and `changed` how
-- many of them got tags. `version` is that of the list when the state last changed: the largest one in this table and in event_successors
-- is that of the whole list. Rows are changed under the exclusive advisory lock on the log, as those of event_successors.
CREATE TABLE {schema}.event_retags (
  name       text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  state      smallint    NOT NULL CHECK (state IN (0, 1, 2)),
  position   bigint      NOT NULL,
  events     bigint      NOT NULL,
  changed    bigint      NOT NULL,
  actor      text,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  version    bigint      NOT NULL,
  CONSTRAINT event_retags_pkey PRIMARY KEY (name, kind)
)
