CREATE INDEX event_retags_by_version ON {schema}.event_retags (version)
