-- A file as version 2 of the tables left it: `owners` in three versions, of which the view shows the second, and `hidden`,
-- whose view somebody dropped.
CREATE TABLE annalist_log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    schema INTEGER NOT NULL
) STRICT;
INSERT INTO annalist_log (one, id, schema) VALUES (1, '0f8fad5b-d9cb-469f-a165-70867728950e', 2);
CREATE TABLE annalist_events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970
    tags TEXT NOT NULL, -- JSON array of texts
    metadata TEXT NOT NULL, -- JSON object
    data TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX annalist_events_by_type ON annalist_events (type, position);
CREATE TABLE annalist_event_tags (
    tag TEXT NOT NULL,
    type TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, type, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE annalist_commands (
    id TEXT PRIMARY KEY NOT NULL,
    command TEXT NOT NULL,
    scope TEXT NOT NULL, -- the ids that the command names, compared and never taken apart
    recorded_at INTEGER NOT NULL,
    receipt TEXT NOT NULL -- JSON array of [position, event id]
) STRICT;
CREATE INDEX annalist_commands_by_time ON annalist_commands (recorded_at);
CREATE TABLE annalist_journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    recorded_at INTEGER NOT NULL,
    metadata TEXT NOT NULL, -- JSON object
    body TEXT NOT NULL, -- JSON
    positions TEXT, -- JSON array, if it was accepted
    rejection TEXT, -- the error, if it was not
    CHECK ((positions IS NULL) <> (rejection IS NULL))
) STRICT;
CREATE TABLE annalist_projections (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    log TEXT NOT NULL, -- the id of the log that the rows are made of, which may be another one
    shape TEXT NOT NULL, -- the columns, compared and shown and never taken apart
    position INTEGER NOT NULL,
    anchor_position INTEGER, -- the last event that was counted
    anchor_event TEXT,
    stopped TEXT, -- why it stands still, if it does
    updated_at INTEGER NOT NULL, -- microseconds since 1970
    PRIMARY KEY (name, version),
    CHECK ((anchor_position IS NULL) = (anchor_event IS NULL))
) STRICT;
INSERT INTO annalist_events VALUES
    (1, '01890000-0000-7000-8000-000000000001', 'opened', 1, 1769860800000000, '["account:1"]', '{}', '{"owner":"Anna"}'),
    (2, '01890000-0000-7000-8000-000000000002', 'opened', 1, 1769860800000001, '["account:2"]', '{}', '{"owner":"Bert"}');
INSERT INTO annalist_event_tags VALUES ('account:1', 'opened', 1), ('account:2', 'opened', 2);
INSERT INTO annalist_commands VALUES ('c1', 'open', '[]', 1769860800000000, '[[1,"01890000-0000-7000-8000-000000000001"]]');

CREATE TABLE "annalist_rows_owners_v1" (
  "account" INTEGER NOT NULL,
  "owner" TEXT NOT NULL,
  CONSTRAINT "owners.1.key" PRIMARY KEY ("account")
) STRICT;
CREATE INDEX "annalist_rows_owners.1.1" ON "annalist_rows_owners_v1" ("owner", "account");
CREATE TABLE "annalist_rows_owners_v11" (
  "account" INTEGER NOT NULL,
  "owner" TEXT NOT NULL,
  CONSTRAINT "owners.11.key" PRIMARY KEY ("account")
) STRICT;
CREATE INDEX "annalist_rows_owners.11.1" ON "annalist_rows_owners_v11" ("owner", "account");
CREATE TABLE "annalist_rows_owners_v12" (
  "account" INTEGER NOT NULL,
  "owner" TEXT NOT NULL,
  CONSTRAINT "owners.12.key" PRIMARY KEY ("account")
) STRICT;
CREATE INDEX "annalist_rows_owners.12.1" ON "annalist_rows_owners_v12" ("owner", "account");
CREATE VIEW "annalist_rows_owners" AS SELECT "account", "owner" FROM "annalist_rows_owners_v11";
INSERT INTO annalist_rows_owners_v1 VALUES (1, 'anna');
INSERT INTO annalist_rows_owners_v11 VALUES (1, 'Anna'), (2, 'Bert');
INSERT INTO annalist_projections VALUES
    ('owners', 1, '0f8fad5b-d9cb-469f-a165-70867728950e', 'account Int key, owner Text index', 1, 1, '01890000-0000-7000-8000-000000000001', 'event 2 is not readable', 1769860800000100),
    ('owners', 11, '0f8fad5b-d9cb-469f-a165-70867728950e', 'account Int key, owner Text index', 2, 2, '01890000-0000-7000-8000-000000000002', NULL, 1769860800000200),
    ('owners', 12, '0f8fad5b-d9cb-469f-a165-70867728950e', 'account Int key, owner Text index', 0, NULL, NULL, NULL, 1769860800000300),
    ('hidden', 3, 'cb5dc1bb-55e9-4d5e-a4cb-3b0a3bd5a1a0', 'id Int key', 7, NULL, NULL, NULL, 1769860800000400);
CREATE TABLE "annalist_rows_hidden_v3" (
  "id" INTEGER NOT NULL,
  CONSTRAINT "hidden.3.key" PRIMARY KEY ("id")
) STRICT;
