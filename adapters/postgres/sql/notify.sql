SELECT pg_notify('{schema}_appended', $1)
