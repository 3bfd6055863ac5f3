-- Moves the checkpoint if it is where the change starts, and writes the rows of the change only then. Returns a row if it has moved.
-- {upsert} takes its rows from a SELECT that is empty if `moved` is. Of two concurrent runners one waits in `moved` for the lock of the
-- other, and then finds the position changed.
WITH
  moved AS (
    UPDATE {schema}.builds
    SET position = $6,
        anchor_position = coalesce($7, anchor_position),
        anchor_event = coalesce($8, anchor_event),
        stopped = NULL,
        updated_at = pg_catalog.now()
    WHERE name = $1 AND version = $2 AND build = $3 AND position = $4 AND parked = $5 AND NOT inline
    RETURNING 1),
  written AS ({upsert})
SELECT FROM moved
