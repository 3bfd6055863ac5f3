-- The privileges of other roles on the view $1, as statements that grant them again.
SELECT pg_catalog.format('GRANT %s ON {rows}.%I TO %s%s', a.privilege_type, $1,
              CASE WHEN a.grantee = 0::oid THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
WHERE c.oid = pg_catalog.to_regclass('{rows}.' || pg_catalog.quote_ident($1)) AND a.grantee <> c.relowner
