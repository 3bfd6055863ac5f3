-- The builds of projections with their checkpoints. `log` is the id of the log that the rows are made from, which may be
-- another log; `shape` describes the columns, `events` the events that are folded (empty for a policy): both are compared
-- and shown; `anchor` is the last event included; `stopped` is the reason why the build is stopped; the view shows the build that is `live`; the rows of an
-- `inline` build change in the appends, see `inline_types`; `parked` counts the rows of that table; the claim names the process
-- that runs a follower which runs in one process at a time, the number of challenges that it has answered, and whether one waits
-- for an answer. Updated with every batch, hence the free space in its pages.
CREATE TABLE {schema}.builds (
  name            text        COLLATE "C" NOT NULL,
  version         bigint      NOT NULL,
  build           bigint      NOT NULL,
  log             uuid        NOT NULL,
  shape           text        NOT NULL,
  events          text        NOT NULL,
  live            boolean     NOT NULL DEFAULT false,
  inline          boolean     NOT NULL DEFAULT false,
  position        bigint      NOT NULL DEFAULT 0,
  anchor_position bigint,
  anchor_event    uuid,
  parked          bigint      NOT NULL DEFAULT 0,
  stopped         text,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  claim_holder     uuid,
  claim_round      bigint,
  claim_challenged boolean,
  CONSTRAINT builds_pkey PRIMARY KEY (name, version, build),
  CONSTRAINT builds_anchor CHECK ((anchor_position IS NULL) = (anchor_event IS NULL)),
  CONSTRAINT builds_claim CHECK (
    (claim_holder IS NULL) = (claim_round IS NULL) AND (claim_holder IS NULL) = (claim_challenged IS NULL))
) WITH (fillfactor = 50)
