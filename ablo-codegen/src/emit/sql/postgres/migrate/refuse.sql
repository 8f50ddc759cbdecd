CREATE OR REPLACE FUNCTION pg_temp.ablo_refuse(message text, row_id text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = message,
    DETAIL = format('The row %L has %L.', row_id, left(value, 200)),
    HINT = 'Give a backfill for this field, make it optional, or mend the rows.';
END $$;
