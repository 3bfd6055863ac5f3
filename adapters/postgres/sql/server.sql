-- What the promises depend on: checked before anything else. `shadowing` are the schemas that the session searches before
-- pg_catalog: their functions, operators and types would replace built-in ones. Qualified so that they cannot here.
SELECT pg_catalog.current_setting('server_version_num')::int AS version,
       pg_catalog.current_setting('server_encoding') AS encoding,
       pg_catalog.current_setting('transaction_isolation') AS isolation,
       pg_catalog.current_database()::pg_catalog.text AS database,
       session_user::pg_catalog.text AS role,
       pg_catalog.to_regclass('{schema}.migrations') IS NOT NULL AS migrated,
       ARRAY(
         SELECT s.name::pg_catalog.text
         FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS s(name, number)
         WHERE s.number OPERATOR(pg_catalog.<) pg_catalog.array_position(pg_catalog.current_schemas(true), 'pg_catalog')
           AND NOT pg_catalog.starts_with(s.name::pg_catalog.text, 'pg_temp')
         ORDER BY s.number) AS shadowing
