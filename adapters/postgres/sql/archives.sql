SELECT a.record::text AS record FROM {schema}.archives a ORDER BY a.number
