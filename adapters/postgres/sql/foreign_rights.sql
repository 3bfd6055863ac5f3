-- The rights by which others could run code in appends or change what is stored: others are PUBLIC, and roles that are neither
-- superusers, nor an owner of a schema of the log, nor this role or one that it is a member of. What the documentation asks
-- to grant to roles is not listed.
WITH RECURSIVE mine(role) AS (
  SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
  UNION
  SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN mine ON m.member = mine.role),
schemas AS (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl, n.oid = pg_catalog.to_regnamespace('{schema}') AS is_log
  FROM pg_catalog.pg_namespace n
  WHERE n.oid = pg_catalog.to_regnamespace('{schema}') OR n.oid = pg_catalog.to_regnamespace('{rows}')),
trusted(role) AS (
  SELECT mine.role FROM mine
  UNION ALL SELECT s.nspowner FROM schemas s
  UNION ALL SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper),
granted(grantee, privilege, object) AS (
  SELECT a.grantee, a.privilege_type, pg_catalog.format('schema %I', s.nspname)
  FROM schemas s CROSS JOIN LATERAL pg_catalog.aclexplode(s.nspacl) AS a
  WHERE a.privilege_type = 'CREATE' AND (s.is_log OR a.grantee = 0::oid)
  UNION ALL
  SELECT a.grantee, a.privilege_type, pg_catalog.format('%I.%I', s.nspname, c.relname)
  FROM schemas s JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid
  CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
  WHERE CASE WHEN a.grantee = 0::oid THEN a.privilege_type NOT IN ('SELECT', 'REFERENCES')
             WHEN NOT s.is_log THEN false
             WHEN a.privilege_type IN ('TRIGGER', 'TRUNCATE') THEN true
             ELSE a.privilege_type IN ('UPDATE', 'DELETE') AND c.relname::text IN ('events', 'event_tags', 'journal', 'migrations')
        END
  UNION ALL
  SELECT c.relowner, 'OWNER', pg_catalog.format('%I.%I', s.nspname, c.relname)
  FROM schemas s JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid WHERE s.is_log
  UNION ALL
  SELECT p.proowner, 'OWNER', p.oid::pg_catalog.regprocedure::text
  FROM schemas s JOIN pg_catalog.pg_proc p ON p.pronamespace = s.oid WHERE s.is_log)
SELECT DISTINCT
  CASE WHEN g.grantee = 0::oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END AS role,
  g.privilege, g.object
FROM granted g WHERE NOT EXISTS (SELECT FROM trusted t WHERE t.role = g.grantee)
ORDER BY 1, 3, 2 LIMIT 20
