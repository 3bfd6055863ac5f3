SELECT FROM {schema}.erase_subject($1, $2, $3, $4, $5)
