-- What the log knows about itself, its newest position, and where the next one is drawn (NULL: not allowed to know).
-- A snapshot shows no position that was not drawn before, and the sequence is read after the snapshot was taken.
SELECT l.id, l.lock_keys, l.settled,
       (SELECT coalesce(max(e.position), 0) FROM {schema}.events e) AS newest,
       CASE WHEN has_sequence_privilege('{schema}.events_position_seq', 'USAGE, SELECT')
            THEN coalesce(pg_sequence_last_value('{schema}.events_position_seq'), 0) END AS drawn
FROM {schema}.log l
