-- What operators have requested of projections and policies, as JSON. The revision is compared before they are replaced.
CREATE TABLE {schema}.follower_requests (
  name     text   COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  requests text   NOT NULL,
  CONSTRAINT follower_requests_pkey PRIMARY KEY (name)
)
