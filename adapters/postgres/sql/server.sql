-- What the promises depend on: checked before anything else.
SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_encoding') AS encoding,
       current_setting('transaction_isolation') AS isolation,
       current_database()::text AS database,
       session_user::text AS role,
       to_regclass('{schema}.migrations') IS NOT NULL AS migrated
