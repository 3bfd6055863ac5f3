-- Whether the view $1 selects from the table $2.
SELECT EXISTS (
  SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  WHERE r.ev_class = to_regclass('{schema}_rows.' || quote_ident($1))
    AND d.refobjid = to_regclass('{schema}_rows.' || quote_ident($2)))
