SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = '{prefix}rows_' || ?1
