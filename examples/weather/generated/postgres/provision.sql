-- Written by ablo for PostgreSQL 14 and later: change the schema, not this file.
--
-- Running it again is safe: it adds what is missing, leaves everything else as it is, and says in a WARNING,
-- ablo::provision::<what>, where that is not what the schema asks for. With psql: psql -v ON_ERROR_STOP=1 -f provision.sql

SET client_encoding = 'UTF8';

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;

-- Helpers that live as long as this session. Each looks at one table, adds what is missing and reports what differs.

CREATE OR REPLACE PROCEDURE pg_temp.ablo_report(code text, subject text, detail text) LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'ablo::provision::%: % %', code, subject, detail;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_schema(name text) LANGUAGE plpgsql AS $$
BEGIN
  -- CREATE SCHEMA IF NOT EXISTS would ask for a right on the database even where the schema exists.
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = name) THEN
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', name);
  END IF;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_columns(tbl regclass, definition text, names text[]) LANGUAGE plpgsql AS $$
DECLARE
  wanted regtype := split_part(definition, ' DEFAULT ', 1)::regtype;
  preset text := split_part(definition, ' DEFAULT ', 2);
  name text;
  found_type text;
  is_wanted boolean;
  has_default boolean;
BEGIN
  FOREACH name IN ARRAY names LOOP
    SELECT format_type(atttypid, atttypmod), atttypid = wanted, atthasdef INTO found_type, is_wanted, has_default
      FROM pg_attribute WHERE attrelid = tbl AND attname = name AND NOT attisdropped;
    IF NOT FOUND THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', tbl, name, definition);
    ELSIF NOT is_wanted THEN
      CALL pg_temp.ablo_report('column_type_differs', format('%s.%I', tbl, name),
        format('is %s, not %s; it was left so', found_type, wanted));
    ELSIF preset <> '' AND NOT has_default THEN
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', tbl, name, preset);
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_not_null(tbl regclass, names text[]) LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT attname FROM pg_attribute
      WHERE attrelid = tbl AND attname = ANY (names) AND NOT attnotnull AND NOT attisdropped ORDER BY attnum LOOP
    BEGIN
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', tbl, name);
    EXCEPTION WHEN not_null_violation THEN
      CALL pg_temp.ablo_report('not_null_skipped', format('%s.%I', tbl, name),
        'has rows without a value; fill them and run this again');
    END;
  END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_primary_key(tbl regclass, name text) LANGUAGE plpgsql AS $$
DECLARE
  found_key text;
BEGIN
  SELECT pg_get_constraintdef(oid) INTO found_key FROM pg_constraint WHERE conrelid = tbl AND contype = 'p';
  IF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (id)', tbl, name);
  ELSIF found_key <> 'PRIMARY KEY (id)' THEN
    CALL pg_temp.ablo_report('primary_key_differs', tbl::text, format('has %s; it was left so', found_key));
  END IF;
EXCEPTION WHEN not_null_violation OR unique_violation OR duplicate_table THEN
  CALL pg_temp.ablo_report('primary_key_skipped', tbl::text, format('has no primary key: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_enum(tbl regclass, name text, col text, allowed text[]) LANGUAGE plpgsql AS $$
DECLARE
  literals text;
  wanted text;
BEGIN
  -- The definition as the server will print it, so that a check of the same meaning is known under any name.
  SELECT string_agg('''' || replace(value, '''', '''''') || '''::text', ', ' ORDER BY place) INTO literals
    FROM unnest(allowed) WITH ORDINALITY AS listed (value, place);
  wanted := CASE cardinality(allowed)
    WHEN 1 THEN format('CHECK ((%I = %s))', col, literals)
    ELSE format('CHECK ((%I = ANY (ARRAY[%s])))', col, literals)
  END;
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND pg_get_constraintdef(oid) = wanted) THEN
    RETURN;
  ELSIF EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND conname = name) THEN
    CALL pg_temp.ablo_report('check_differs', format('%s.%I', tbl, col),
      format('has another constraint named %I; it was left so', name));
  ELSE
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IN (%s))', tbl, name, col, literals);
  END IF;
EXCEPTION WHEN check_violation OR data_exception OR undefined_function THEN
  CALL pg_temp.ablo_report('check_skipped', format('%s.%I', tbl, col), format('has no enum check: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_index(tbl regclass, name text, col text, method text) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
BEGIN
  IF EXISTS (
    SELECT FROM pg_index
      JOIN pg_class ON pg_class.oid = indexrelid
      JOIN pg_am ON pg_am.oid = relam
      JOIN pg_attribute ON attrelid = tbl AND attname = col
    WHERE indrelid = tbl AND indisvalid AND indpred IS NULL AND indnkeyatts = 1 AND indkey[0] = attnum AND amname = method
  ) THEN
    RETURN;
  ELSIF to_regclass(format('%s.%I', home, name)) IS NOT NULL THEN
    CALL pg_temp.ablo_report('index_differs', format('%s.%I', tbl, col),
      format('has no index: something else is named %I', name));
  ELSE
    EXECUTE format('CREATE INDEX %I ON %s USING %s (%I)', name, tbl, method, col);
  END IF;
EXCEPTION WHEN undefined_object OR program_limit_exceeded THEN
  CALL pg_temp.ablo_report('index_skipped', format('%s.%I', tbl, col), format('has no index: %s', SQLERRM));
END $$;

CREATE OR REPLACE FUNCTION pg_temp.ablo_bare(predicate text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  -- The server prints a predicate with its own spaces, parentheses, quotes and casts.
  SELECT regexp_replace(replace(predicate, '::text', ''), '[\s()"]', '', 'g')
$$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_isolate(tbl regclass, predicate text) LANGUAGE plpgsql AS $$
BEGIN
  -- First the closed door, then the policy: where the policy cannot be made, no row is visible rather than every row.
  IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = tbl) THEN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  END IF;
  IF NOT (SELECT relforcerowsecurity FROM pg_class WHERE oid = tbl) THEN
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
  END IF;
  IF EXISTS (
    SELECT FROM pg_policy
    WHERE polrelid = tbl AND polpermissive AND polcmd = '*' AND polroles = '{0}'
      AND pg_temp.ablo_bare(pg_get_expr(polqual, polrelid)) = pg_temp.ablo_bare(predicate)
      AND pg_temp.ablo_bare(coalesce(pg_get_expr(polwithcheck, polrelid), predicate)) = pg_temp.ablo_bare(predicate)
  ) THEN
    RETURN;
  ELSIF EXISTS (SELECT FROM pg_policy WHERE polrelid = tbl AND polname = 'tenant_isolation') THEN
    CALL pg_temp.ablo_report('policy_differs', tbl::text, 'has another policy named tenant_isolation; it was left so');
  ELSE
    BEGIN
      EXECUTE format('CREATE POLICY tenant_isolation ON %s USING (%s) WITH CHECK (%s)', tbl, predicate, predicate);
    EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function THEN
      CALL pg_temp.ablo_report('policy_skipped', tbl::text, format('shows no row to anyone, having no policy: %s', SQLERRM));
    END;
  END IF;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_comment(tbl regclass, col text, body text) LANGUAGE plpgsql AS $$
DECLARE
  found_body text := (SELECT col_description(tbl, attnum) FROM pg_attribute WHERE attrelid = tbl AND attname = col);
BEGIN
  IF found_body IS NULL THEN
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', tbl, col, body);
  ELSIF found_body <> body THEN
    CALL pg_temp.ablo_report('comment_differs', format('%s.%I', tbl, col), 'has another comment; it was left so');
  END IF;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.ablo_same(kind text, found_default text, wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  same boolean;
BEGIN
  -- Only constants are compared: to evaluate anything else might do something.
  IF found_default !~ '^\(?(E?''([^''\\]|''''|\\.)*''|-?[0-9.]+|true|false)\)?(::[a-z][a-z ]*(\([0-9,]+\))?)*$' THEN
    RETURN false;
  END IF;
  EXECUTE format('SELECT (%s)::%s IS NOT DISTINCT FROM (%s)::%s', found_default, kind, wanted, kind) INTO same;
  RETURN same;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_column(tbl regclass, name text, kind text, preset text) LANGUAGE plpgsql AS $$
DECLARE
  found_type text;
  is_wanted boolean;
  found_default text;
BEGIN
  SELECT format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid),
      atttypid = kind::regtype AND (atttypid <> 'numeric'::regtype OR format_type(atttypid, atttypmod) = kind)
    INTO found_type, found_default, is_wanted
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = tbl AND attname = name AND NOT attisdropped;
  IF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', tbl, name, concat_ws(' DEFAULT ', kind, preset));
  ELSIF NOT is_wanted THEN
    CALL pg_temp.ablo_report('column_type_differs', format('%s.%I', tbl, name),
      format('is %s, not %s; it was left so', found_type, kind));
  ELSIF preset IS NULL THEN
    RETURN;
  ELSIF found_default IS NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', tbl, name, preset);
  ELSIF NOT pg_temp.ablo_same(kind, found_default, preset) THEN
    CALL pg_temp.ablo_report('default_differs', format('%s.%I', tbl, name),
      format('has the default %s, not %s; it was left so', found_default, preset));
  END IF;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_range(tbl regclass, name text, col text, lowest text, highest text)
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    -- The server prints a check with its own spaces, parentheses, quotes and casts.
    SELECT FROM pg_constraint WHERE conrelid = tbl AND contype = 'c'
      AND regexp_replace(pg_get_constraintdef(oid), '::[a-z]+|[\s()''"]', '', 'g')
        = format('CHECK%s>=%sAND%s<=%s', col, lowest, col, highest)
  ) THEN
    RETURN;
  ELSIF EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND conname = name) THEN
    CALL pg_temp.ablo_report('check_differs', format('%s.%I', tbl, col),
      format('has another constraint named %I; it was left so', name));
  ELSE
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I BETWEEN %s AND %s)', tbl, name, col, lowest, highest);
  END IF;
EXCEPTION WHEN check_violation OR data_exception OR undefined_function THEN
  CALL pg_temp.ablo_report('check_skipped', format('%s.%I', tbl, col), format('has no check of its range: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_unique(tbl regclass, name text, cols text[]) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
  wanted text := (SELECT string_agg(quote_ident(col), ', ' ORDER BY col) FROM unnest(cols) AS listed (col));
BEGIN
  IF EXISTS (
    -- An index of the same columns is known under any name and in any order.
    SELECT FROM pg_index
    WHERE indrelid = tbl AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
      AND wanted = (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname::text) FROM pg_attribute
        WHERE attrelid = tbl AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1])
      )
  ) THEN
    RETURN;
  ELSIF to_regclass(format('%s.%I', home, name)) IS NOT NULL THEN
    CALL pg_temp.ablo_report('index_differs', tbl::text,
      format('does not keep (%s) unique: something else is named %I', wanted, name));
  ELSE
    EXECUTE format('CREATE UNIQUE INDEX %I ON %s (%s)', name, tbl,
      (SELECT string_agg(quote_ident(col), ', ' ORDER BY place) FROM unnest(cols) WITH ORDINALITY AS listed (col, place)));
  END IF;
EXCEPTION WHEN unique_violation OR undefined_object OR program_limit_exceeded THEN
  CALL pg_temp.ablo_report('index_skipped', tbl::text, format('does not keep (%s) unique: %s', wanted, SQLERRM));
END $$;

-- One run at a time in this database.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('ablo::provision', 0)); END $$;

-- stations
CREATE TABLE IF NOT EXISTS "public"."stations" (
  "id" text PRIMARY KEY,
  "organization_id" text NOT NULL,
  "created_by" text,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "updated_at" timestamptz NOT NULL DEFAULT now(),
  "name" text NOT NULL,
  "latitude" numeric(8,5) NOT NULL,
  "longitude" numeric(8,5) NOT NULL,
  "opened_at" timestamptz NOT NULL,
  "readings" bigint NOT NULL DEFAULT '0'
);
CALL pg_temp.ablo_columns('"public"."stations"', 'text', ARRAY['id', 'organization_id', 'created_by', 'name']);
CALL pg_temp.ablo_columns('"public"."stations"', 'timestamptz', ARRAY['opened_at']);
CALL pg_temp.ablo_columns('"public"."stations"', 'timestamptz DEFAULT now()', ARRAY['created_at', 'updated_at']);
CALL pg_temp.ablo_column('"public"."stations"', 'latitude', 'numeric(8,5)', NULL);
CALL pg_temp.ablo_column('"public"."stations"', 'longitude', 'numeric(8,5)', NULL);
CALL pg_temp.ablo_column('"public"."stations"', 'readings', 'bigint', $$'0'$$);
CALL pg_temp.ablo_not_null('"public"."stations"', ARRAY['organization_id', 'created_at', 'updated_at', 'name', 'latitude', 'longitude', 'opened_at', 'readings']);
CALL pg_temp.ablo_primary_key('"public"."stations"', 'stations_pkey');
CALL pg_temp.ablo_comment('"public"."stations"', 'name', 'The name of the station.');
CALL pg_temp.ablo_comment('"public"."stations"', 'latitude', 'The latitude in degrees north.');
CALL pg_temp.ablo_comment('"public"."stations"', 'longitude', 'The longitude in degrees east.');
CALL pg_temp.ablo_comment('"public"."stations"', 'opened_at', 'When the station was opened.');
CALL pg_temp.ablo_comment('"public"."stations"', 'readings', 'The number of readings, which may exceed the integer range of a double.');
CALL pg_temp.ablo_index('"public"."stations"', 'stations_organization_id_idx', 'organization_id', 'btree');
CALL pg_temp.ablo_unique('"public"."stations"', 'stations_name_key', ARRAY['organization_id', 'name']);
CALL pg_temp.ablo_isolate('"public"."stations"', $$"organization_id" = current_setting('app.current_org_id', true)$$);

-- weatherReports
CREATE TABLE IF NOT EXISTS "public"."weather_reports" (
  "id" text PRIMARY KEY,
  "organization_id" text NOT NULL,
  "created_by" text,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "updated_at" timestamptz NOT NULL DEFAULT now(),
  "location" text NOT NULL,
  "status" text NOT NULL DEFAULT 'pending',
  "forecast" text,
  "confidence" smallint,
  "sources" jsonb,
  "station_id" text
);
CALL pg_temp.ablo_columns('"public"."weather_reports"', 'text', ARRAY['id', 'organization_id', 'created_by', 'location', 'forecast', 'station_id']);
CALL pg_temp.ablo_columns('"public"."weather_reports"', 'timestamptz DEFAULT now()', ARRAY['created_at', 'updated_at']);
CALL pg_temp.ablo_columns('"public"."weather_reports"', 'jsonb', ARRAY['sources']);
CALL pg_temp.ablo_columns('"public"."weather_reports"', 'smallint', ARRAY['confidence']);
CALL pg_temp.ablo_column('"public"."weather_reports"', 'status', 'text', $$'pending'$$);
CALL pg_temp.ablo_not_null('"public"."weather_reports"', ARRAY['organization_id', 'created_at', 'updated_at', 'location', 'status']);
CALL pg_temp.ablo_primary_key('"public"."weather_reports"', 'weather_reports_pkey');
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'location', 'The place that the report is about.');
CALL pg_temp.ablo_enum('"public"."weather_reports"', 'weather_reports_status_check', 'status', ARRAY['pending', 'in_review', 'ready']);
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'status', 'The progress of the report.');
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'forecast', 'The expected weather.');
CALL pg_temp.ablo_range('"public"."weather_reports"', 'weather_reports_confidence_check', 'confidence', '0', '255');
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'confidence', 'The author''s confidence in percent.');
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'sources', 'The sources of the report.');
CALL pg_temp.ablo_comment('"public"."weather_reports"', 'station_id', 'The station that measured.');
CALL pg_temp.ablo_index('"public"."weather_reports"', 'weather_reports_organization_id_idx', 'organization_id', 'btree');
CALL pg_temp.ablo_index('"public"."weather_reports"', 'weather_reports_location_idx', 'location', 'btree');
CALL pg_temp.ablo_index('"public"."weather_reports"', 'weather_reports_status_idx', 'status', 'btree');
CALL pg_temp.ablo_isolate('"public"."weather_reports"', $$"organization_id" = current_setting('app.current_org_id', true)$$);

COMMIT;

RESET client_encoding;
