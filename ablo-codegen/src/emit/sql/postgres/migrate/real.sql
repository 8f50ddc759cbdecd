CREATE OR REPLACE FUNCTION pg_temp.ablo_real(value text) RETURNS real LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  read real := value::real;
BEGIN
  RETURN CASE WHEN read NOT IN ('Infinity', '-Infinity', 'NaN') THEN read END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
