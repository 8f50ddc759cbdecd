CREATE OR REPLACE FUNCTION pg_temp.ablo_number(value text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  read double precision := value::double precision;
BEGIN
  RETURN CASE WHEN read NOT IN ('Infinity', '-Infinity', 'NaN') THEN read END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
