SELECT pg_catalog.to_regnamespace('{schema}') IS NOT NULL AS exists, pg_catalog.to_regclass('{schema}.migrations') IS NOT NULL AS migrated
