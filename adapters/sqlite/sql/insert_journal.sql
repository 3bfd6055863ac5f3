INSERT INTO {prefix}journal (recorded_at, metadata, body, positions, rejection)
VALUES (?1, ?2, ?3, ?4, ?5)
