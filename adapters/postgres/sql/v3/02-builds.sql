-- A version may be built anew: each build has its rows and its checkpoint. `live` is what the view shows; `inline`: the
-- rows change in the appends, see `inline_types`; `parked` counts the rows of that table.
ALTER TABLE {schema}.builds
  DROP CONSTRAINT projections_pkey,
  ADD COLUMN build  bigint  NOT NULL DEFAULT 0,
  ADD COLUMN live   boolean NOT NULL DEFAULT false,
  ADD COLUMN inline boolean NOT NULL DEFAULT false,
  ADD COLUMN parked bigint  NOT NULL DEFAULT 0,
  ADD CONSTRAINT builds_pkey PRIMARY KEY (name, version, build)
