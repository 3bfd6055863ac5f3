-- The positions that have no event because they had none in the log from which this one was imported. In other logs it is empty.
CREATE TABLE {prefix}gaps (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT
