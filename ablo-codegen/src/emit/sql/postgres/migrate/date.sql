CREATE OR REPLACE FUNCTION pg_temp.ablo_date(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
  -- Words such as `now` and `tomorrow` are not accepted as dates.
  RETURN CASE WHEN value ~ '^\s*[0-9]' THEN value::timestamptz END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
