UPDATE {prefix}log SET schema_version = ?1
