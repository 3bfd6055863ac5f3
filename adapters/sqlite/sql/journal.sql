-- The first ?2 entries after ?1 whose commands have ?3 bytes together, and at least one.
SELECT entry.number, entry.recorded_at, entry.metadata, entry.body, entry.positions, entry.rejection
FROM (
    SELECT number, octet_length(body) AS size, sum(octet_length(body)) OVER (ORDER BY number) AS total
    FROM {prefix}journal
    WHERE number > ?1
    ORDER BY number
    LIMIT ?2 + 0
) AS sized
INNER JOIN {prefix}journal AS entry ON entry.number = sized.number
WHERE sized.total <= ?3 OR sized.total = sized.size
ORDER BY entry.number
