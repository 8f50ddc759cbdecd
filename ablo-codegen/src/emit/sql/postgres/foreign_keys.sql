CREATE OR REPLACE FUNCTION pg_temp.ablo_numbers(tbl regclass, cols text[]) RETURNS int2[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(attnum ORDER BY place) FROM unnest(cols) WITH ORDINALITY AS listed (col, place)
    LEFT JOIN pg_attribute ON attrelid = tbl AND attname = col AND NOT attisdropped
$$;

CREATE OR REPLACE FUNCTION pg_temp.ablo_list(cols text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(quote_ident(col), ', ' ORDER BY place) FROM unnest(cols) WITH ORDINALITY AS listed (col, place)
$$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_foreign_key(tbl regclass, name text, cols text[], target regclass, target_cols text[])
LANGUAGE plpgsql AS $$
DECLARE
  found_key pg_constraint;
  subject text := format('%s.%I', tbl, cols[cardinality(cols)]);
BEGIN
  SELECT pg_constraint.* INTO found_key FROM pg_constraint
    WHERE conrelid = tbl AND contype = 'f' AND conkey = pg_temp.ablo_numbers(tbl, cols)
      AND confrelid = target AND confkey = pg_temp.ablo_numbers(target, target_cols);
  IF NOT FOUND AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND conname = name) THEN
    CALL pg_temp.ablo_report('foreign_key_differs', subject,
      format('has a different constraint named %I; left unchanged', name));
  ELSIF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%s) REFERENCES %s (%s) '
      'ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED NOT VALID',
      tbl, name, pg_temp.ablo_list(cols), target, pg_temp.ablo_list(target_cols));
  ELSIF found_key.confdeltype <> 'a' OR NOT found_key.condeferred THEN
    CALL pg_temp.ablo_report('foreign_key_differs', subject,
      format('has %s; left unchanged', pg_get_constraintdef(found_key.oid)));
  END IF;
EXCEPTION WHEN invalid_foreign_key OR datatype_mismatch OR undefined_column THEN
  CALL pg_temp.ablo_report('foreign_key_skipped', subject, format('has no foreign key: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_index_later(tbl regclass, name text, cols text[]) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
  subject text := format('%s.%I', tbl, cols[cardinality(cols)]);
  found_index regclass := to_regclass(format('%s.%I', home, name));
  is_ours boolean;
  is_valid boolean;
BEGIN
  SELECT (indkey::int2[])[0:cardinality(cols) - 1] = pg_temp.ablo_numbers(tbl, cols), indisvalid
    INTO is_ours, is_valid FROM pg_index WHERE indrelid = tbl AND indexrelid = found_index;
  IF found_index IS NOT NULL AND is_ours IS NOT TRUE THEN
    CALL pg_temp.ablo_report('index_differs', subject, format('has no index: the name %I is taken', name));
  ELSIF is_valid IS FALSE THEN
    -- An interrupted concurrent build leaves an invalid index. A running build holds this lock.
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', tbl);
    IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = found_index) THEN
      EXECUTE format('DROP INDEX %s', found_index);
    END IF;
  END IF;
EXCEPTION WHEN lock_not_available THEN
  CALL pg_temp.ablo_report('index_busy', subject, 'is being indexed by another session');
END $$;

-- Runs after the commit, when SET LOCAL search_path no longer applies.
CREATE OR REPLACE PROCEDURE pg_temp.ablo_validate(tbl regclass, cols text[], target regclass)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
  veiled regclass;
  veils regclass[];
BEGIN
  SELECT conname INTO name FROM pg_constraint
    WHERE conrelid = tbl AND contype = 'f' AND conkey = pg_temp.ablo_numbers(tbl, cols)
      AND confrelid = target AND NOT convalidated;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Validation is subject to row security of this role: hidden rows would not be checked or not be found.
  SELECT array_agg(DISTINCT each) INTO veils FROM unnest(ARRAY[tbl, target]) AS each WHERE row_security_active(each);
  FOREACH veiled IN ARRAY coalesce(veils, '{}') LOOP
    EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', veiled);
  END LOOP;
  EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', tbl, name);
  FOREACH veiled IN ARRAY coalesce(veils, '{}') LOOP
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', veiled);
  END LOOP;
EXCEPTION WHEN foreign_key_violation THEN
  CALL pg_temp.ablo_report('foreign_key_not_validated', format('%s.%I', tbl, cols[cardinality(cols)]), format('has orphaned rows: %s', SQLERRM));
END $$;
