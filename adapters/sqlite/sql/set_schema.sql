UPDATE {prefix}log SET schema = ?1
