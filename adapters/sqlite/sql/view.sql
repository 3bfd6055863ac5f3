-- The SQL text of the view of projection ?1.
SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = '{prefix}rows_' || ?1
