CREATE OR REPLACE FUNCTION pg_temp.ablo_same(kind text, found_default text, wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  same boolean;
BEGIN
  -- Only constants are compared, because evaluating other expressions could have side effects.
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
      format('has type %s instead of %s; left unchanged', found_type, kind));
  ELSIF preset IS NULL THEN
    RETURN;
  ELSIF found_default IS NULL THEN
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', tbl, name, preset);
  ELSIF NOT pg_temp.ablo_same(kind, found_default, preset) THEN
    CALL pg_temp.ablo_report('default_differs', format('%s.%I', tbl, name),
      format('has default %s instead of %s; left unchanged', found_default, preset));
  END IF;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_range(tbl regclass, name text, col text, lowest text, highest text)
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    -- The server adds spaces, parentheses, quotes and casts to a check.
    SELECT FROM pg_constraint WHERE conrelid = tbl AND contype = 'c'
      AND regexp_replace(pg_get_constraintdef(oid), '::[a-z]+|[\s()''"]', '', 'g')
        = format('CHECK%s>=%sAND%s<=%s', col, lowest, col, highest)
  ) THEN
    RETURN;
  ELSIF EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND conname = name) THEN
    CALL pg_temp.ablo_report('check_differs', format('%s.%I', tbl, col),
      format('has a different constraint named %I; left unchanged', name));
  ELSE
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I BETWEEN %s AND %s)', tbl, name, col, lowest, highest);
  END IF;
EXCEPTION WHEN check_violation OR data_exception OR undefined_function THEN
  CALL pg_temp.ablo_report('check_skipped', format('%s.%I', tbl, col), format('has no range check: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_unique(tbl regclass, name text, cols text[]) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
  wanted text := (SELECT string_agg(quote_ident(col), ', ' ORDER BY col) FROM unnest(cols) AS listed (col));
BEGIN
  IF EXISTS (
    -- An index on the same columns is recognised under any name and in any order.
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
      format('has no unique index on (%s): the name %I is taken', wanted, name));
  ELSE
    EXECUTE format('CREATE UNIQUE INDEX %I ON %s (%s)', name, tbl,
      (SELECT string_agg(quote_ident(col), ', ' ORDER BY place) FROM unnest(cols) WITH ORDINALITY AS listed (col, place)));
  END IF;
EXCEPTION WHEN unique_violation OR undefined_object OR program_limit_exceeded THEN
  CALL pg_temp.ablo_report('index_skipped', tbl::text, format('has no unique index on (%s): %s', wanted, SQLERRM));
END $$;
