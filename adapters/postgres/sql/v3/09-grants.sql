-- Whoever could append, read or run projections still can.
DO $$
DECLARE
  _role text;
  _may_run boolean;
BEGIN
  FOR _role, _may_run IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
           bool_or(c.relname = 'builds' AND a.privilege_type = 'UPDATE')
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.oid IN ('{schema}.events'::regclass, '{schema}.builds'::regclass) AND a.grantee <> c.relowner
    GROUP BY 1
    HAVING bool_or(a.privilege_type = 'SELECT')
  LOOP
    EXECUTE format('GRANT SELECT ON {schema}.inline_types, {schema}.parked TO %s', _role);
    IF _may_run THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE ON {schema}.parked TO %s', _role);
      EXECUTE format('GRANT INSERT, DELETE ON {schema}.inline_types TO %s', _role);
    END IF;
  END LOOP;
END
$$
