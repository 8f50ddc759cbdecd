CREATE OR REPLACE FUNCTION pg_temp.ablo_real(value text) RETURNS real LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  -- Excludes other input that the server accepts: infinities, hexadecimal digits, underscores.
  RETURN CASE WHEN value ~ '^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$' THEN value::real END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
