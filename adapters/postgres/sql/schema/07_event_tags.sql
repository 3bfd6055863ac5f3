-- The index of tags: one row for each tag of each event. The type comes before the position, so that a probe for
-- (tag, type) does not visit events of other types with the same tag.
CREATE TABLE {schema}.event_tags (
  tag      text COLLATE "C" NOT NULL,
  type     text COLLATE "C" NOT NULL,
  position bigint           NOT NULL,
  CONSTRAINT event_tags_pkey PRIMARY KEY (tag, type, position)
)
