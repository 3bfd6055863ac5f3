-- Whoever could read the log finds snapshots, and whoever could append keeps them.
DO $$
DECLARE
  _role text;
  _may_append boolean;
BEGIN
  FOR _role, _may_append IN
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
           bool_or(a.privilege_type = 'INSERT')
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.oid = '{schema}.events'::regclass AND a.grantee <> c.relowner
    GROUP BY 1
    HAVING bool_or(a.privilege_type = 'SELECT')
  LOOP
    EXECUTE format('GRANT SELECT ON {schema}.snapshots TO %s', _role);
    IF _may_append THEN
      EXECUTE format('GRANT INSERT, UPDATE ON {schema}.snapshots TO %s', _role);
    END IF;
  END LOOP;
END
$$
