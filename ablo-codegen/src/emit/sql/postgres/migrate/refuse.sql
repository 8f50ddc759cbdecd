CREATE OR REPLACE FUNCTION pg_temp.ablo_refuse(message text, row_id text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = message,
    DETAIL = format('Row %L has the value %L.', row_id, left(value, 200)),
    HINT = 'Provide a backfill for this field, make it optional, or fix the rows.';
END $$;
