UPDATE {schema}.builds SET live = false WHERE name = $1 AND live
