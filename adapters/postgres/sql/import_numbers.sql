-- Journal entries continue after this number, as positions do.
ALTER SEQUENCE {schema}.journal_number_seq RESTART WITH {last};
SELECT pg_catalog.nextval('{schema}.journal_number_seq')
