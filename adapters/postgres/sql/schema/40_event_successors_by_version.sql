CREATE INDEX event_successors_by_version ON {schema}.event_successors (version)
