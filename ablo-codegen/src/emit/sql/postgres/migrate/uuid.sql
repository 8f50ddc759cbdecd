CREATE OR REPLACE FUNCTION pg_temp.ablo_uuid(value text) RETURNS uuid LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN btrim(value)::uuid;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;
