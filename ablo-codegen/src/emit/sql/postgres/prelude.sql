-- Session-local helpers. Each works on one table, adds missing parts and reports differences.

CREATE OR REPLACE PROCEDURE pg_temp.ablo_report(code text, subject text, detail text) LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'ablo::provision::%: % %', code, subject, detail;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_schema(name text) LANGUAGE plpgsql AS $$
BEGIN
  -- CREATE SCHEMA IF NOT EXISTS requires a privilege on the database even if the schema exists.
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
        format('has type %s instead of %s; left unchanged', found_type, wanted));
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
        'has rows without a value; set their values and run this script again');
    END;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pg_temp.ablo_bare(predicate text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  -- The server adds spaces, parentheses, quotes and casts to an expression.
  SELECT regexp_replace(replace(predicate, '::text', ''), '[\s()"]', '', 'g')
$$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_key(tbl regclass, name text, cols text) LANGUAGE plpgsql AS $$
DECLARE
  found_key text;
BEGIN
  SELECT pg_get_constraintdef(oid) INTO found_key FROM pg_constraint WHERE conrelid = tbl AND contype = 'p';
  IF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY %s', tbl, name, cols);
  ELSIF pg_temp.ablo_bare(found_key) <> pg_temp.ablo_bare('PRIMARY KEY ' || cols) THEN
    CALL pg_temp.ablo_report('primary_key_differs', tbl::text, format('has %s; left unchanged', found_key));
  END IF;
EXCEPTION WHEN not_null_violation OR unique_violation OR duplicate_table THEN
  CALL pg_temp.ablo_report('primary_key_skipped', tbl::text, format('has no primary key: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_enum(tbl regclass, name text, col text, allowed text[]) LANGUAGE plpgsql AS $$
DECLARE
  literals text;
  wanted text;
BEGIN
  -- The definition as the server prints it, so that an equivalent check is recognised under any name.
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
      format('has a different constraint named %I; left unchanged', name));
  ELSE
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IN (%s))', tbl, name, col, literals);
  END IF;
EXCEPTION WHEN check_violation OR data_exception OR undefined_function THEN
  CALL pg_temp.ablo_report('check_skipped', format('%s.%I', tbl, col), format('has no enum check: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_index(tbl regclass, name text, cols text[], last_collation text, method text) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
  definition text := (SELECT string_agg(quote_ident(col)
      || CASE WHEN last_collation <> '' AND place = cardinality(cols) THEN format(' COLLATE %I', last_collation) ELSE '' END,
      ', ' ORDER BY place) FROM unnest(cols) WITH ORDINALITY AS listed (col, place));
BEGIN
  IF EXISTS (
    -- An index on the same columns is recognised under any name.
    SELECT FROM pg_index
      JOIN pg_class ON pg_class.oid = indexrelid
      JOIN pg_am ON pg_am.oid = relam
    WHERE indrelid = tbl AND indisvalid AND indpred IS NULL AND indexprs IS NULL AND indnkeyatts = cardinality(cols)
      AND amname = method AND cols = (
        SELECT array_agg(attname::text ORDER BY place) FROM unnest(indkey::int2[]) WITH ORDINALITY AS listed (number, place)
          JOIN pg_attribute ON attrelid = tbl AND attnum = number WHERE place <= indnkeyatts
      )
      AND (last_collation = '' OR last_collation = (SELECT collname FROM pg_collation WHERE pg_collation.oid = indcollation[indnkeyatts - 1]))
  ) THEN
    RETURN;
  ELSIF to_regclass(format('%s.%I', home, name)) IS NOT NULL THEN
    CALL pg_temp.ablo_report('index_differs', format('%s.%I', tbl, cols[cardinality(cols)]),
      format('has no index: the name %I is taken', name));
  ELSE
    EXECUTE format('CREATE INDEX %I ON %s USING %s (%s)', name, tbl, method, definition);
  END IF;
EXCEPTION WHEN undefined_object OR program_limit_exceeded OR datatype_mismatch THEN
  CALL pg_temp.ablo_report('index_skipped', format('%s.%I', tbl, cols[cardinality(cols)]), format('has no index: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_isolate(tbl regclass, predicate text) LANGUAGE plpgsql AS $$
BEGIN
  -- Row security first: if the policy cannot be created, no row is visible instead of every row.
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
    CALL pg_temp.ablo_report('policy_differs', tbl::text, 'has a different policy named tenant_isolation; left unchanged');
  ELSE
    BEGIN
      EXECUTE format('CREATE POLICY tenant_isolation ON %s USING (%s) WITH CHECK (%s)', tbl, predicate, predicate);
    EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function THEN
      CALL pg_temp.ablo_report('policy_skipped', tbl::text, format('has no policy, so no row is visible: %s', SQLERRM));
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
    CALL pg_temp.ablo_report('comment_differs', format('%s.%I', tbl, col), 'has a different comment; left unchanged');
  END IF;
END $$;
