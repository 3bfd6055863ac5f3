-- The closed ids, as the tags of events have them, with the numbers of their archives.
CREATE TABLE {schema}.archived_ids (
  id      text COLLATE "C" NOT NULL,
  archive bigint           NOT NULL,
  CONSTRAINT archived_ids_pkey PRIMARY KEY (id)
)
