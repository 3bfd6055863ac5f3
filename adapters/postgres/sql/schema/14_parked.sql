-- Parked events (dead letters) of builds. `keys` and `error` are JSON, which can hold every character. `needs_newer`: only a newer program
-- reads the event, or one that it waits for.
CREATE TABLE {schema}.parked (
  name     text COLLATE "C" NOT NULL,
  version  bigint NOT NULL,
  build    bigint NOT NULL,
  position bigint NOT NULL,
  event    uuid   NOT NULL,
  keys     json   NOT NULL,
  error    json   NOT NULL,
  attempts bigint NOT NULL,
  needs_newer boolean NOT NULL,
  CONSTRAINT parked_pkey PRIMARY KEY (name, version, build, position),
  CONSTRAINT parked_of_build FOREIGN KEY (name, version, build) REFERENCES {schema}.builds ON DELETE CASCADE
)
