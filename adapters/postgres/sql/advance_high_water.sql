SELECT a.rows, a.head, a.high_water, a.gaps FROM {schema}.advance_high_water($1, $2, $3) AS a
