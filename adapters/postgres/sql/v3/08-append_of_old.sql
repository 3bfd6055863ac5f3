-- For programs of version 2, which know nothing of inline builds: they append as before, and not past such a build.
CREATE OR REPLACE FUNCTION {schema}.append(
  _keys bigint[], _exclusive boolean[],
  _recorded_at timestamptz[], _metadata text[], _id text[], _command text[], _scope text[], _body text[], _rejection text[],
  _of_append int[], _mark bigint[], _above bigint[],
  _of_condition int[], _types text[], _tags text[],
  _by_append int[], _event_id uuid[], _type text[], _version bigint[], _event_tags text[], _data text[])
RETURNS TABLE (
  append int, outcome text, condition int, met bigint, positions bigint[], event_ids uuid[], command text, scope text)
LANGUAGE plpgsql VOLATILE
AS $append$
#variable_conflict use_column
DECLARE
  _kept text;
BEGIN
  RETURN QUERY SELECT * FROM {schema}.append(
    _keys, _exclusive, _recorded_at, _metadata, _id, _command, _scope, _body, _rejection, _of_append, _mark, _above,
    _of_condition, _types, _tags, _by_append, _event_id, _type, _version, _event_tags, _data, '{}');
  SELECT i.name INTO _kept FROM {schema}.inline_types i WHERE i.type = ANY (_type) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the projection "%" changes with each append of such an event, and this program is too old to know it; deploy the newer program', _kept
      USING ERRCODE = 'AN002';
  END IF;
END
$append$
