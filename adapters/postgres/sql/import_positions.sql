-- Appends continue after this position. RESTART is undone if the transaction is rolled back; `setval` is not. A sequence that has not
-- assigned its first number looks like one that is behind the log.
ALTER SEQUENCE {schema}.events_position_seq RESTART WITH {last};
SELECT pg_catalog.nextval('{schema}.events_position_seq')
