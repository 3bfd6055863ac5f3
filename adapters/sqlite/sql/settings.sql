-- The settings of this connection on which the guarantees of a log depend.
SELECT
    (SELECT synchronous FROM pragma_synchronous) AS synchronous,
    (SELECT journal_mode FROM pragma_journal_mode) AS journal_mode,
    (SELECT read_uncommitted FROM pragma_read_uncommitted) AS read_uncommitted,
    (SELECT file FROM pragma_database_list WHERE name = 'main') AS file
