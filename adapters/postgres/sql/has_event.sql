-- Whether the log has this event. The values are inserted as literals: the statement is then sent in one message, which works with
-- every pooler.
SELECT EXISTS (SELECT FROM {schema}.events e WHERE e.position = {position} AND e.id = '{id}')
