SELECT to_regnamespace('{schema}') IS NOT NULL AS exists, to_regclass('{schema}.migrations') IS NOT NULL AS migrated
