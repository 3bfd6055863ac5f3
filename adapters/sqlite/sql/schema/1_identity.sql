-- The id is a random UUID (version 4), generated in SQL so that these statements can also be run by hand.
INSERT INTO {prefix}log (singleton, id, schema_version)
SELECT
    1,
    substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-4' || substr(hex, 14, 3) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex, 18, 3) || '-' || substr(hex, 21, 12),
    1
FROM (SELECT lower(hex(randomblob(16))) AS hex)
