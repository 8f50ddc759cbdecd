CREATE OR REPLACE FUNCTION pg_temp.ablo_numeric(value text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  read numeric := value::numeric;
BEGIN
  RETURN CASE WHEN read NOT IN ('Infinity', '-Infinity', 'NaN') THEN read END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
