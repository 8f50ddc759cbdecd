CREATE OR REPLACE FUNCTION pg_temp.ablo_number(value text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  -- Excludes other input that the server accepts: infinities, hexadecimal digits, underscores.
  RETURN CASE WHEN value ~ '^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$' THEN value::double precision END;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
