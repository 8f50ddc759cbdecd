CREATE OR REPLACE PROCEDURE pg_temp.ablo_typed(tbl regclass, name text, kind text, preset text) LANGUAGE plpgsql AS $$
DECLARE
  found_type text;
BEGIN
  -- The length and the digits are part of the type, too.
  SELECT format_type(atttypid, atttypmod) INTO found_type FROM pg_attribute
    WHERE attrelid = tbl AND attname = name AND NOT attisdropped
      AND format_type(atttypid, atttypmod) <> kind
      AND (atttypid <> kind::regtype OR atttypmod <> -1 OR kind ~ '[(]');
  IF FOUND THEN
    CALL pg_temp.ablo_report('column_type_differs', format('%s.%I', tbl, name),
      format('has type %s instead of %s; left unchanged', found_type, kind));
  ELSE
    CALL pg_temp.ablo_column(tbl, name, kind, preset);
  END IF;
END $$;
