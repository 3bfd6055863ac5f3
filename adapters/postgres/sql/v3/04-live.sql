-- What the views show now.
UPDATE {schema}.builds b SET live = true
WHERE EXISTS (
  SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  WHERE r.ev_class = to_regclass('{schema}_rows.' || quote_ident(b.name))
    AND d.refobjid = to_regclass('{schema}_rows.' || quote_ident(b.name || '_v' || b.version)))
