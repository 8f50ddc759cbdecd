CREATE OR REPLACE PROCEDURE pg_temp.ablo_foreign_key(tbl regclass, name text, col text, target regclass)
LANGUAGE plpgsql AS $$
DECLARE
  found_key pg_constraint;
BEGIN
  SELECT pg_constraint.* INTO found_key FROM pg_constraint
    JOIN pg_attribute AS own ON own.attrelid = tbl AND own.attname = col
    JOIN pg_attribute AS other ON other.attrelid = target AND other.attname = 'id'
    WHERE conrelid = tbl AND contype = 'f' AND conkey = ARRAY[own.attnum]
      AND confrelid = target AND confkey = ARRAY[other.attnum];
  IF NOT FOUND AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = tbl AND conname = name) THEN
    CALL pg_temp.ablo_report('foreign_key_differs', format('%s.%I', tbl, col),
      format('has a different constraint named %I; left unchanged', name));
  ELSIF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (id) '
      'ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED NOT VALID', tbl, name, col, target);
  ELSIF found_key.confdeltype <> 'a' OR NOT found_key.condeferred THEN
    CALL pg_temp.ablo_report('foreign_key_differs', format('%s.%I', tbl, col),
      format('has %s; left unchanged', pg_get_constraintdef(found_key.oid)));
  END IF;
EXCEPTION WHEN invalid_foreign_key OR datatype_mismatch OR undefined_column THEN
  CALL pg_temp.ablo_report('foreign_key_skipped', format('%s.%I', tbl, col), format('has no foreign key: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_index_later(tbl regclass, name text, col text) LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
  found_index regclass := to_regclass(format('%s.%I', home, name));
  is_ours boolean;
  is_valid boolean;
BEGIN
  SELECT indkey[0] = attnum, indisvalid INTO is_ours, is_valid FROM pg_index
    JOIN pg_attribute ON attrelid = tbl AND attname = col
    WHERE indrelid = tbl AND indexrelid = found_index;
  IF found_index IS NOT NULL AND is_ours IS NOT TRUE THEN
    CALL pg_temp.ablo_report('index_differs', format('%s.%I', tbl, col),
      format('has no index: the name %I is taken', name));
  ELSIF is_valid IS FALSE THEN
    -- An interrupted concurrent build leaves an invalid index. A running build holds this lock.
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', tbl);
    IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = found_index) THEN
      EXECUTE format('DROP INDEX %s', found_index);
    END IF;
  END IF;
EXCEPTION WHEN lock_not_available THEN
  CALL pg_temp.ablo_report('index_busy', format('%s.%I', tbl, col), 'is being indexed by another session');
END $$;

-- Runs after the commit, when SET LOCAL search_path no longer applies.
CREATE OR REPLACE PROCEDURE pg_temp.ablo_validate(tbl regclass, col text, target regclass)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  name text;
  veiled regclass;
  veils regclass[];
BEGIN
  SELECT conname INTO name FROM pg_constraint
    JOIN pg_attribute ON attrelid = tbl AND attname = col
    WHERE conrelid = tbl AND contype = 'f' AND conkey = ARRAY[attnum] AND confrelid = target AND NOT convalidated;
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
  CALL pg_temp.ablo_report('foreign_key_not_validated', format('%s.%I', tbl, col), format('has orphaned rows: %s', SQLERRM));
END $$;
