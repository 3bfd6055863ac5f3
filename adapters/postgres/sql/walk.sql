SELECT w.rows, w.head, w.settled, w.holes FROM {schema}.walk($1, $2, $3) AS w
