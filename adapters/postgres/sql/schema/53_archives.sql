-- The archives: ids whose events have left the log for a file, or are about to. `version` is that of the list of successors when events last
-- left or returned, 0 before: the largest one in this table, in event_retags and in event_successors is that of the whole list.
-- `last_removed` is the position of the last event that left, 0 if none did. `record` has the ids, the state, the file, the counts, the actor
-- and the times. Rows are changed under the exclusive advisory lock on the log, as those of event_successors.
CREATE TABLE {schema}.archives (
  number       bigint NOT NULL,
  version      bigint NOT NULL,
  last_removed bigint NOT NULL,
  record       json   NOT NULL,
  CONSTRAINT archives_pkey PRIMARY KEY (number)
)
