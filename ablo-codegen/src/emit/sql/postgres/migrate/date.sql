CREATE OR REPLACE FUNCTION pg_temp.ablo_date(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  found timestamptz;
BEGIN
  -- Excludes words such as `now`, and dates whose order of day and month is unclear.
  IF value ~ '^\s*[0-9]' AND value !~ '^\s*[0-9]{1,2}\s*[-/.]\s*[0-9]{1,2}\M' THEN
    found := value::timestamptz;
  END IF;
  -- Clients read the years 1 to 9999.
  RETURN CASE WHEN found >= '0001-01-01 00:00:00Z' AND found < '10000-01-01 00:00:00Z' THEN found END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
