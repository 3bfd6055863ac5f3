-- How the view of a projection was made.
SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = '{prefix}rows_' || ?1
