-- Ids of accepted commands with their receipts.
CREATE TABLE {schema}.commands (
  id          text COLLATE "C" NOT NULL,
  command     text             NOT NULL,
  scope       text             NOT NULL,
  recorded_at timestamptz      NOT NULL,
  positions   bigint[]         NOT NULL,
  event_ids   uuid[]           NOT NULL,
  CONSTRAINT commands_pkey PRIMARY KEY (id)
)
