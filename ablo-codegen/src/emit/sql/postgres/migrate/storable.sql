CREATE OR REPLACE FUNCTION pg_temp.ablo_storable(value text, kind text) RETURNS text LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
  EXECUTE format('SELECT %L::%s', value, kind);
  RETURN value;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
