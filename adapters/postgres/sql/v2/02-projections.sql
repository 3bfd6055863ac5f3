-- How far each projection is, and what its rows were made of. `log` is the id of the log that they are made of, which
-- may be another one; `shape` is compared and shown and never taken apart; `anchor` is the last event that was counted;
-- `stopped` says why it stands still. Updated with every batch, hence the room left in its pages.
CREATE TABLE {schema}.projections (
  name            text        COLLATE "C" NOT NULL,
  version         bigint      NOT NULL,
  log             uuid        NOT NULL,
  shape           text        NOT NULL,
  position        bigint      NOT NULL DEFAULT 0,
  anchor_position bigint,
  anchor_event    uuid,
  stopped         text,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version),
  CHECK ((anchor_position IS NULL) = (anchor_event IS NULL))
) WITH (fillfactor = 50)
