SELECT a.rows, a.head, a.high_water, a.gaps, a.event_id, a.has_lost_events, a.successors
FROM {schema}.advance_high_water($1, $2, $3, $4, $5) AS a
