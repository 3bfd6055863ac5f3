SELECT {schema}.close_gaps($1) AS busy
