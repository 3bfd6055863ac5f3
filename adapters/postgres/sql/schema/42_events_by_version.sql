-- For the versions in which events are stored. An event of version 1, as most are, costs no entry.
CREATE INDEX events_by_version ON {schema}.events (type, version, position) WHERE version > 1
