-- Whether the view $1 selects from the table $2.
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
  WHERE r.ev_class = pg_catalog.to_regclass('{rows}.' || pg_catalog.quote_ident($1))
    AND d.refobjid = pg_catalog.to_regclass('{rows}.' || pg_catalog.quote_ident($2)))
