INSERT INTO {schema}.archives (number, version, last_removed, record)
VALUES ($1, $2, $3, $4::json)
ON CONFLICT (number) DO UPDATE SET
  version = excluded.version, last_removed = excluded.last_removed, record = excluded.record
