SELECT {schema}.claim($1) AS busy
