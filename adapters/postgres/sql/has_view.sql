SELECT to_regclass('{schema}_rows.' || quote_ident($1)) IS NOT NULL
