-- What operators have requested of projections and policies, as JSON. The revision is compared before they are replaced.
CREATE TABLE {prefix}follower_requests (
    projection TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    requests TEXT NOT NULL
) STRICT
