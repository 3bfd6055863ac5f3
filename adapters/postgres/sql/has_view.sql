SELECT pg_catalog.to_regclass('{rows}.' || pg_catalog.quote_ident($1)) IS NOT NULL
