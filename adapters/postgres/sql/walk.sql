SELECT w.rows, w.head, w.settled, w.gaps FROM {schema}.walk($1, $2, $3) AS w
