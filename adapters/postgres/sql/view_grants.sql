-- The privileges of other roles on the view $1, as statements that grant them again.
SELECT format('GRANT %s ON {schema}_rows.%I TO %s%s', a.privilege_type, $1,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE c.oid = to_regclass('{schema}_rows.' || quote_ident($1)) AND a.grantee <> c.relowner
