SELECT command, scope, positions, event_ids FROM {schema}.commands WHERE id = $1
