-- An event's tags once more, to find it by. The type stands before the position so that one probe of (tag, type)
-- passes over none of the tag's other events.
CREATE TABLE {schema}.event_tags (
  tag      text COLLATE "C" NOT NULL,
  type     text COLLATE "C" NOT NULL,
  position bigint           NOT NULL,
  CONSTRAINT event_tags_pkey PRIMARY KEY (tag, type, position)
)
