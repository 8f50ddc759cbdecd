-- Written by ablo for PostgreSQL 14 and later: what a service keeps for itself, whatever the models are.
--
-- Running it again is safe: it adds what is missing, leaves everything else as it is, and says in a WARNING,
-- ablo::provision::<what>, where that is not as it should be. With psql: psql -v ON_ERROR_STOP=1 -f service.sql

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

CREATE OR REPLACE PROCEDURE pg_temp.ablo_numbered(tbl regclass, col text) LANGUAGE plpgsql AS $$
DECLARE
  found_type regtype;
  is_numbered boolean;
BEGIN
  SELECT atttypid, attidentity <> '' OR atthasdef INTO found_type, is_numbered
    FROM pg_attribute WHERE attrelid = tbl AND attname = col AND NOT attisdropped;
  IF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD COLUMN %I bigint GENERATED BY DEFAULT AS IDENTITY', tbl, col);
  ELSIF found_type <> 'bigint'::regtype THEN
    CALL pg_temp.ablo_report('column_type_differs', format('%s.%I', tbl, col),
      format('is %s, not bigint; it was left so', found_type));
  ELSIF NOT is_numbered THEN
    CALL pg_temp.ablo_report('column_not_numbered', format('%s.%I', tbl, col),
      'has no next number of its own; it was left so');
  END IF;
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_key(tbl regclass, name text, cols text) LANGUAGE plpgsql AS $$
DECLARE
  found_key text;
BEGIN
  SELECT pg_get_constraintdef(oid) INTO found_key FROM pg_constraint WHERE conrelid = tbl AND contype = 'p';
  IF NOT FOUND THEN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY %s', tbl, name, cols);
  ELSIF pg_temp.ablo_bare(found_key) <> pg_temp.ablo_bare('PRIMARY KEY ' || cols) THEN
    CALL pg_temp.ablo_report('primary_key_differs', tbl::text, format('has %s; it was left so', found_key));
  END IF;
EXCEPTION WHEN not_null_violation OR unique_violation OR duplicate_table THEN
  CALL pg_temp.ablo_report('primary_key_skipped', tbl::text, format('has no primary key: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_index_on(tbl regclass, name text, kind text, definition text)
LANGUAGE plpgsql AS $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = tbl);
BEGIN
  IF EXISTS (
    -- An index of the same meaning is known under any name.
    SELECT FROM pg_index
    WHERE indrelid = tbl AND indisvalid AND indisunique = (kind = 'UNIQUE')
      AND pg_temp.ablo_bare(split_part(pg_get_indexdef(indexrelid), ' USING btree ', 2)) = pg_temp.ablo_bare(definition)
  ) THEN
    RETURN;
  ELSIF to_regclass(format('%s.%I', home, name)) IS NOT NULL THEN
    CALL pg_temp.ablo_report('index_differs', tbl::text, format('lacks an index: something else is named %I', name));
  ELSE
    EXECUTE format('CREATE %s INDEX %I ON %s %s', kind, name, tbl, definition);
  END IF;
EXCEPTION WHEN unique_violation THEN
  CALL pg_temp.ablo_report('index_skipped', tbl::text, format('has rows that are not unique: %s', SQLERRM));
END $$;

CREATE OR REPLACE PROCEDURE pg_temp.ablo_about(tbl regclass, body text) LANGUAGE plpgsql AS $$
BEGIN
  IF obj_description(tbl, 'pg_class') IS NULL THEN
    EXECUTE format('COMMENT ON TABLE %s IS %L', tbl, body);
  ELSIF obj_description(tbl, 'pg_class') <> body THEN
    CALL pg_temp.ablo_report('comment_differs', tbl::text, 'has another comment; it was left so');
  END IF;
END $$;

-- One run at a time in this database.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('ablo::provision', 0)); END $$;

-- sync_deltas: The sync log: one row for each change, in the order in which clients learn of it. Rows are only added.
CREATE TABLE IF NOT EXISTS "public"."sync_deltas" (
  "id" bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  "action_type" text NOT NULL,
  "model_name" text NOT NULL,
  "model_id" text NOT NULL,
  "data" jsonb,
  "previous_data" jsonb,
  "sync_groups" text[] NOT NULL,
  "organization_id" text NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "transaction_id" text,
  "created_by" text,
  "actor_id" text,
  "actor_kind" text,
  "on_behalf_of_id" text,
  "on_behalf_of_kind" text,
  "capability_id" text,
  "confirmation_state" text,
  "backfill_provenance" text,
  "caused_by_task_id" text,
  "previous_groups" text[]
);
CALL pg_temp.ablo_columns('"public"."sync_deltas"', 'text', ARRAY['action_type', 'model_name', 'model_id', 'organization_id', 'transaction_id', 'created_by', 'actor_id', 'actor_kind', 'on_behalf_of_id', 'on_behalf_of_kind', 'capability_id', 'confirmation_state', 'backfill_provenance', 'caused_by_task_id']);
CALL pg_temp.ablo_columns('"public"."sync_deltas"', 'timestamptz DEFAULT now()', ARRAY['created_at']);
CALL pg_temp.ablo_columns('"public"."sync_deltas"', 'jsonb', ARRAY['data', 'previous_data']);
CALL pg_temp.ablo_columns('"public"."sync_deltas"', 'text[]', ARRAY['sync_groups', 'previous_groups']);
CALL pg_temp.ablo_numbered('"public"."sync_deltas"', 'id');
CALL pg_temp.ablo_not_null('"public"."sync_deltas"', ARRAY['id', 'action_type', 'model_name', 'model_id', 'sync_groups', 'organization_id', 'created_at']);
CALL pg_temp.ablo_key('"public"."sync_deltas"', 'sync_deltas_pkey', $$("id")$$);
CALL pg_temp.ablo_enum('"public"."sync_deltas"', 'sync_deltas_action_type_check', 'action_type', ARRAY['I', 'U', 'D', 'A', 'V', 'C', 'G', 'S']);
CALL pg_temp.ablo_enum('"public"."sync_deltas"', 'sync_deltas_actor_kind_check', 'actor_kind', ARRAY['user', 'agent', 'system']);
CALL pg_temp.ablo_enum('"public"."sync_deltas"', 'sync_deltas_on_behalf_of_kind_check', 'on_behalf_of_kind', ARRAY['user', 'agent', 'system']);
CALL pg_temp.ablo_enum('"public"."sync_deltas"', 'sync_deltas_confirmation_state_check', 'confirmation_state', ARRAY['auto', 'previewed', 'approved', 'required_human_approval', 'auto_historical']);
CALL pg_temp.ablo_enum('"public"."sync_deltas"', 'sync_deltas_backfill_provenance_check', 'backfill_provenance', ARRAY['exact', 'inferred', 'unknown']);
CALL pg_temp.ablo_index_on('"public"."sync_deltas"', 'sync_deltas_catch_up_idx', '', $$("organization_id", "id")$$);
CALL pg_temp.ablo_index_on('"public"."sync_deltas"', 'sync_deltas_row_idx', '', $$("organization_id", "model_name", "model_id", "id")$$);
CALL pg_temp.ablo_index_on('"public"."sync_deltas"', 'sync_deltas_transaction_key', 'UNIQUE', $$("organization_id", "transaction_id") WHERE "transaction_id" IS NOT NULL$$);
CALL pg_temp.ablo_isolate('"public"."sync_deltas"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."sync_deltas"', 'The sync log: one row for each change, in the order in which clients learn of it. Rows are only added.');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'id', 'The sync id, which clients keep as their cursor. It is drawn before the commit: writers of one organisation append under a lock, or a reader may pass one by');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'action_type', 'Insert, Update, Delete, Archive, unarchiVe, Covering (became visible), Group added, group Subtracted');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'model_name', 'The type name of the model');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'model_id', 'The id of the row that changed');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'data', 'The whole row after the change, null for a delete');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'previous_data', 'What the members that changed held before');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'sync_groups', 'Who is told: groups as kind:id');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'transaction_id', 'The operation that caused it: its sender knows its own change by this');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'created_by', 'Kept for old rows: see actor_id');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'backfill_provenance', 'How sure the attribution of an old row is');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'caused_by_task_id', 'The turn of the agent that caused it');
CALL pg_temp.ablo_comment('"public"."sync_deltas"', 'previous_groups', 'Who was told before, where that is not who is told now');

-- ablo_idempotency: The ledger of a Data Source: a commit that comes again is answered with the rows stored here.
CREATE TABLE IF NOT EXISTS "public"."ablo_idempotency" (
  "client_tx_id" text PRIMARY KEY,
  "response" jsonb NOT NULL,
  "created_at" timestamptz DEFAULT now()
);
CALL pg_temp.ablo_columns('"public"."ablo_idempotency"', 'text', ARRAY['client_tx_id']);
CALL pg_temp.ablo_columns('"public"."ablo_idempotency"', 'timestamptz DEFAULT now()', ARRAY['created_at']);
CALL pg_temp.ablo_columns('"public"."ablo_idempotency"', 'jsonb', ARRAY['response']);
CALL pg_temp.ablo_not_null('"public"."ablo_idempotency"', ARRAY['client_tx_id', 'response']);
CALL pg_temp.ablo_key('"public"."ablo_idempotency"', 'ablo_idempotency_pkey', $$("client_tx_id")$$);
CALL pg_temp.ablo_about('"public"."ablo_idempotency"', 'The ledger of a Data Source: a commit that comes again is answered with the rows stored here.');
CALL pg_temp.ablo_comment('"public"."ablo_idempotency"', 'response', 'The rows that the first run answered with, as an array');

-- ablo_outbox: The outbox of a Data Source: one event for each operation, written in the transaction of its change.
CREATE TABLE IF NOT EXISTS "public"."ablo_outbox" (
  "cursor" bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  "id" text NOT NULL,
  "model" text NOT NULL,
  "entity_id" text NOT NULL,
  "type" text NOT NULL,
  "data" jsonb,
  "organization_id" text,
  "client_tx_id" text,
  "occurred_at" bigint,
  "created_at" timestamptz DEFAULT now(),
  "written_in" xid8 DEFAULT pg_current_xact_id()
);
CALL pg_temp.ablo_columns('"public"."ablo_outbox"', 'text', ARRAY['id', 'model', 'entity_id', 'type', 'organization_id', 'client_tx_id']);
CALL pg_temp.ablo_columns('"public"."ablo_outbox"', 'timestamptz DEFAULT now()', ARRAY['created_at']);
CALL pg_temp.ablo_columns('"public"."ablo_outbox"', 'jsonb', ARRAY['data']);
CALL pg_temp.ablo_columns('"public"."ablo_outbox"', 'bigint', ARRAY['occurred_at']);
CALL pg_temp.ablo_columns('"public"."ablo_outbox"', 'xid8 DEFAULT pg_current_xact_id()', ARRAY['written_in']);
CALL pg_temp.ablo_numbered('"public"."ablo_outbox"', 'cursor');
CALL pg_temp.ablo_not_null('"public"."ablo_outbox"', ARRAY['cursor', 'id', 'model', 'entity_id', 'type']);
CALL pg_temp.ablo_key('"public"."ablo_outbox"', 'ablo_outbox_pkey', $$("cursor")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_outbox"', 'ablo_outbox_id_key', 'UNIQUE', $$("id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_outbox"', 'ablo_outbox_order_idx', '', $$("written_in", "cursor")$$);
CALL pg_temp.ablo_about('"public"."ablo_outbox"', 'The outbox of a Data Source: one event for each operation, written in the transaction of its change.');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'cursor', 'Drawn before the commit, so that it is no order by itself: see written_in');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'id', '<client_tx_id>:<index of the operation>');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'data', 'The row after the change, null for a delete');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'client_tx_id', 'The commit that caused it, null for a change made by others');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'occurred_at', 'Milliseconds since 1970');
CALL pg_temp.ablo_comment('"public"."ablo_outbox"', 'written_in', 'The transaction that wrote it: events are read in the order of transactions, and only those before which no transaction is under way, so that none is passed by');

-- ablo_claims: Claims on rows: at most one active per row, those behind it queued in order of arrival.
CREATE TABLE IF NOT EXISTS "public"."ablo_claims" (
  "id" text NOT NULL,
  "organization_id" text NOT NULL,
  "participant_id" text NOT NULL,
  "participant_kind" text NOT NULL,
  "model" text NOT NULL,
  "row_id" text NOT NULL,
  "path" text,
  "range" jsonb,
  "field" text,
  "action" text NOT NULL,
  "description" text,
  "meta" jsonb,
  "status" text NOT NULL,
  "arrival" bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY,
  "declared_at" timestamptz NOT NULL DEFAULT now(),
  "expires_at" timestamptz NOT NULL,
  "ttl_ms" bigint NOT NULL,
  "error" jsonb
);
CALL pg_temp.ablo_columns('"public"."ablo_claims"', 'text', ARRAY['id', 'organization_id', 'participant_id', 'participant_kind', 'model', 'row_id', 'path', 'field', 'action', 'description', 'status']);
CALL pg_temp.ablo_columns('"public"."ablo_claims"', 'timestamptz', ARRAY['expires_at']);
CALL pg_temp.ablo_columns('"public"."ablo_claims"', 'timestamptz DEFAULT now()', ARRAY['declared_at']);
CALL pg_temp.ablo_columns('"public"."ablo_claims"', 'jsonb', ARRAY['range', 'meta', 'error']);
CALL pg_temp.ablo_columns('"public"."ablo_claims"', 'bigint', ARRAY['ttl_ms']);
CALL pg_temp.ablo_numbered('"public"."ablo_claims"', 'arrival');
CALL pg_temp.ablo_not_null('"public"."ablo_claims"', ARRAY['id', 'organization_id', 'participant_id', 'participant_kind', 'model', 'row_id', 'action', 'status', 'arrival', 'declared_at', 'expires_at', 'ttl_ms']);
CALL pg_temp.ablo_key('"public"."ablo_claims"', 'ablo_claims_pkey', $$("organization_id", "participant_id", "id")$$);
CALL pg_temp.ablo_enum('"public"."ablo_claims"', 'ablo_claims_participant_kind_check', 'participant_kind', ARRAY['user', 'agent', 'system']);
CALL pg_temp.ablo_enum('"public"."ablo_claims"', 'ablo_claims_status_check', 'status', ARRAY['active', 'queued', 'committed', 'expired', 'canceled']);
CALL pg_temp.ablo_index_on('"public"."ablo_claims"', 'ablo_claims_holder_key', 'UNIQUE', $$("organization_id", "model", "row_id") WHERE "status" = 'active'$$);
CALL pg_temp.ablo_index_on('"public"."ablo_claims"', 'ablo_claims_queue_idx', '', $$("organization_id", "model", "row_id", "arrival") WHERE "status" = 'queued'$$);
CALL pg_temp.ablo_index_on('"public"."ablo_claims"', 'ablo_claims_expiry_idx', '', $$("expires_at")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_claims"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_claims"', 'Claims on rows: at most one active per row, those behind it queued in order of arrival.');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'id', 'Chosen by the participant, unique among its own');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'participant_id', 'Who holds it or waits for it');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'participant_kind', 'A user is a human on the wire');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'model', 'The key of the model in the schema');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'arrival', 'The place in the queue is the number of queued claims on the row that arrived before');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'ttl_ms', 'How far its holder pushes the end forward by a sign of life, in milliseconds');
CALL pg_temp.ablo_comment('"public"."ablo_claims"', 'error', 'Why it ended, if not by its holder''s will');

-- ablo_commits: The receipts of commits: one that comes again is answered as the first time.
CREATE TABLE IF NOT EXISTS "public"."ablo_commits" (
  "organization_id" text NOT NULL,
  "client_tx_id" text NOT NULL,
  "body_hash" text NOT NULL,
  "receipt" jsonb NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now()
);
CALL pg_temp.ablo_columns('"public"."ablo_commits"', 'text', ARRAY['organization_id', 'client_tx_id', 'body_hash']);
CALL pg_temp.ablo_columns('"public"."ablo_commits"', 'timestamptz DEFAULT now()', ARRAY['created_at']);
CALL pg_temp.ablo_columns('"public"."ablo_commits"', 'jsonb', ARRAY['receipt']);
CALL pg_temp.ablo_not_null('"public"."ablo_commits"', ARRAY['organization_id', 'client_tx_id', 'body_hash', 'receipt', 'created_at']);
CALL pg_temp.ablo_key('"public"."ablo_commits"', 'ablo_commits_pkey', $$("organization_id", "client_tx_id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_commits"', 'ablo_commits_age_idx', '', $$("created_at")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_commits"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_commits"', 'The receipts of commits: one that comes again is answered as the first time.');
CALL pg_temp.ablo_comment('"public"."ablo_commits"', 'client_tx_id', 'Chosen by the client');
CALL pg_temp.ablo_comment('"public"."ablo_commits"', 'body_hash', 'Of the operations: another commit may not use the same id');

-- ablo_capabilities: Credentials: API keys and the tokens exchanged for them, each by its hash alone.
CREATE TABLE IF NOT EXISTS "public"."ablo_capabilities" (
  "id" text PRIMARY KEY,
  "token_hash" text NOT NULL,
  "kind" text NOT NULL,
  "organization_id" text NOT NULL,
  "participant_id" text NOT NULL,
  "participant_kind" text NOT NULL,
  "on_behalf_of_id" text,
  "operations" text[] NOT NULL,
  "sync_groups" text[] NOT NULL,
  "user_meta" jsonb NOT NULL,
  "label" text,
  "reach" text NOT NULL,
  "parent_id" text,
  "issued_at" timestamptz NOT NULL DEFAULT now(),
  "expires_at" timestamptz,
  "revoked_at" timestamptz,
  "last_used_at" timestamptz
);
CALL pg_temp.ablo_columns('"public"."ablo_capabilities"', 'text', ARRAY['id', 'token_hash', 'kind', 'organization_id', 'participant_id', 'participant_kind', 'on_behalf_of_id', 'label', 'reach', 'parent_id']);
CALL pg_temp.ablo_columns('"public"."ablo_capabilities"', 'timestamptz', ARRAY['expires_at', 'revoked_at', 'last_used_at']);
CALL pg_temp.ablo_columns('"public"."ablo_capabilities"', 'timestamptz DEFAULT now()', ARRAY['issued_at']);
CALL pg_temp.ablo_columns('"public"."ablo_capabilities"', 'jsonb', ARRAY['user_meta']);
CALL pg_temp.ablo_columns('"public"."ablo_capabilities"', 'text[]', ARRAY['operations', 'sync_groups']);
CALL pg_temp.ablo_not_null('"public"."ablo_capabilities"', ARRAY['id', 'token_hash', 'kind', 'organization_id', 'participant_id', 'participant_kind', 'operations', 'sync_groups', 'user_meta', 'reach', 'issued_at']);
CALL pg_temp.ablo_key('"public"."ablo_capabilities"', 'ablo_capabilities_pkey', $$("id")$$);
CALL pg_temp.ablo_enum('"public"."ablo_capabilities"', 'ablo_capabilities_kind_check', 'kind', ARRAY['secret', 'restricted', 'ephemeral', 'publishable']);
CALL pg_temp.ablo_enum('"public"."ablo_capabilities"', 'ablo_capabilities_participant_kind_check', 'participant_kind', ARRAY['user', 'agent', 'system']);
CALL pg_temp.ablo_enum('"public"."ablo_capabilities"', 'ablo_capabilities_reach_check', 'reach', ARRAY['whole', 'part']);
CALL pg_temp.ablo_index_on('"public"."ablo_capabilities"', 'ablo_capabilities_token_key', 'UNIQUE', $$("token_hash")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_capabilities"', 'ablo_capabilities_parent_idx', '', $$("parent_id") WHERE "parent_id" IS NOT NULL$$);
CALL pg_temp.ablo_index_on('"public"."ablo_capabilities"', 'ablo_capabilities_participant_idx', '', $$("organization_id", "participant_id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_capabilities"', 'ablo_capabilities_expiry_idx', '', $$("expires_at") WHERE "expires_at" IS NOT NULL$$);
CALL pg_temp.ablo_about('"public"."ablo_capabilities"', 'Credentials: API keys and the tokens exchanged for them, each by its hash alone.');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'token_hash', 'BLAKE3 of the token, in hexadecimal digits; the token itself is not kept');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'participant_id', 'Whom it speaks for');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'on_behalf_of_id', 'The human at the root of the delegation');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'operations', 'model.verb each, or * for all');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'sync_groups', 'What it may see: groups as kind:id');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'user_meta', 'What the application knows about the participant');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'reach', 'Whether it grows with what its participant is given');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'parent_id', 'The credential it was exchanged for; it ends with that');
CALL pg_temp.ablo_comment('"public"."ablo_capabilities"', 'expires_at', 'Null: until it is taken back');

-- ablo_turns: Turns of agents: what was asked, and what it cost.
CREATE TABLE IF NOT EXISTS "public"."ablo_turns" (
  "id" text NOT NULL,
  "organization_id" text NOT NULL,
  "participant_id" text NOT NULL,
  "prompt_hash" text NOT NULL,
  "parent_id" text,
  "surface" text,
  "metadata" jsonb,
  "cost_input_tokens" bigint,
  "cost_output_tokens" bigint,
  "cost_compute_ms" bigint,
  "opened_at" timestamptz NOT NULL DEFAULT now(),
  "ended_at" timestamptz
);
CALL pg_temp.ablo_columns('"public"."ablo_turns"', 'text', ARRAY['id', 'organization_id', 'participant_id', 'prompt_hash', 'parent_id', 'surface']);
CALL pg_temp.ablo_columns('"public"."ablo_turns"', 'timestamptz', ARRAY['ended_at']);
CALL pg_temp.ablo_columns('"public"."ablo_turns"', 'timestamptz DEFAULT now()', ARRAY['opened_at']);
CALL pg_temp.ablo_columns('"public"."ablo_turns"', 'jsonb', ARRAY['metadata']);
CALL pg_temp.ablo_columns('"public"."ablo_turns"', 'bigint', ARRAY['cost_input_tokens', 'cost_output_tokens', 'cost_compute_ms']);
CALL pg_temp.ablo_not_null('"public"."ablo_turns"', ARRAY['id', 'organization_id', 'participant_id', 'prompt_hash', 'opened_at']);
CALL pg_temp.ablo_key('"public"."ablo_turns"', 'ablo_turns_pkey', $$("organization_id", "id")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_turns"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_turns"', 'Turns of agents: what was asked, and what it cost.');
CALL pg_temp.ablo_comment('"public"."ablo_turns"', 'participant_id', 'The agent');
CALL pg_temp.ablo_comment('"public"."ablo_turns"', 'prompt_hash', 'BLAKE3 of what was asked, in hexadecimal digits');
CALL pg_temp.ablo_comment('"public"."ablo_turns"', 'surface', 'Where it was asked');
CALL pg_temp.ablo_comment('"public"."ablo_turns"', 'cost_compute_ms', 'Milliseconds');

-- ablo_sessions: Who is here: one row for each open connection, kept alive by the process that holds it.
CREATE TABLE IF NOT EXISTS "public"."ablo_sessions" (
  "organization_id" text NOT NULL,
  "id" text NOT NULL,
  "participant_id" text NOT NULL,
  "participant_kind" text NOT NULL,
  "sync_groups" text[] NOT NULL,
  "presence" jsonb NOT NULL,
  "active_at" timestamptz NOT NULL,
  "expires_at" timestamptz NOT NULL
);
CALL pg_temp.ablo_columns('"public"."ablo_sessions"', 'text', ARRAY['organization_id', 'id', 'participant_id', 'participant_kind']);
CALL pg_temp.ablo_columns('"public"."ablo_sessions"', 'timestamptz', ARRAY['active_at', 'expires_at']);
CALL pg_temp.ablo_columns('"public"."ablo_sessions"', 'jsonb', ARRAY['presence']);
CALL pg_temp.ablo_columns('"public"."ablo_sessions"', 'text[]', ARRAY['sync_groups']);
CALL pg_temp.ablo_not_null('"public"."ablo_sessions"', ARRAY['organization_id', 'id', 'participant_id', 'participant_kind', 'sync_groups', 'presence', 'active_at', 'expires_at']);
CALL pg_temp.ablo_key('"public"."ablo_sessions"', 'ablo_sessions_pkey', $$("organization_id", "id")$$);
CALL pg_temp.ablo_enum('"public"."ablo_sessions"', 'ablo_sessions_participant_kind_check', 'participant_kind', ARRAY['user', 'agent', 'system']);
CALL pg_temp.ablo_index_on('"public"."ablo_sessions"', 'ablo_sessions_expiry_idx', '', $$("expires_at")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_sessions"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_sessions"', 'Who is here: one row for each open connection, kept alive by the process that holds it.');
CALL pg_temp.ablo_comment('"public"."ablo_sessions"', 'id', 'The connection');
CALL pg_temp.ablo_comment('"public"."ablo_sessions"', 'presence', 'What the participant said about itself last');
CALL pg_temp.ablo_comment('"public"."ablo_sessions"', 'expires_at', 'A process that died no longer pushes this forward');

-- ablo_sources: How far the outbox of an organisation's own database was read.
CREATE TABLE IF NOT EXISTS "public"."ablo_sources" (
  "organization_id" text PRIMARY KEY,
  "cursor" text,
  "filled_at" timestamptz
);
CALL pg_temp.ablo_columns('"public"."ablo_sources"', 'text', ARRAY['organization_id', 'cursor']);
CALL pg_temp.ablo_columns('"public"."ablo_sources"', 'timestamptz', ARRAY['filled_at']);
CALL pg_temp.ablo_not_null('"public"."ablo_sources"', ARRAY['organization_id']);
CALL pg_temp.ablo_key('"public"."ablo_sources"', 'ablo_sources_pkey', $$("organization_id")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_sources"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_sources"', 'How far the outbox of an organisation''s own database was read.');
CALL pg_temp.ablo_comment('"public"."ablo_sources"', 'cursor', 'Of the outbox; null at its beginning');
CALL pg_temp.ablo_comment('"public"."ablo_sources"', 'filled_at', 'When the rows that were there before had been read');

-- ablo_source_commits: Commits that went out to an organisation's own database, until its outbox has told of all their operations.
CREATE TABLE IF NOT EXISTS "public"."ablo_source_commits" (
  "organization_id" text NOT NULL,
  "id" text NOT NULL,
  "client_tx_id" text NOT NULL,
  "body_hash" text NOT NULL,
  "state" text NOT NULL,
  "rows" jsonb NOT NULL,
  "writer" jsonb NOT NULL,
  "told" bigint NOT NULL,
  "sent_at" timestamptz NOT NULL
);
CALL pg_temp.ablo_columns('"public"."ablo_source_commits"', 'text', ARRAY['organization_id', 'id', 'client_tx_id', 'body_hash', 'state']);
CALL pg_temp.ablo_columns('"public"."ablo_source_commits"', 'timestamptz', ARRAY['sent_at']);
CALL pg_temp.ablo_columns('"public"."ablo_source_commits"', 'jsonb', ARRAY['rows', 'writer']);
CALL pg_temp.ablo_columns('"public"."ablo_source_commits"', 'bigint', ARRAY['told']);
CALL pg_temp.ablo_not_null('"public"."ablo_source_commits"', ARRAY['organization_id', 'id', 'client_tx_id', 'body_hash', 'state', 'rows', 'writer', 'told', 'sent_at']);
CALL pg_temp.ablo_key('"public"."ablo_source_commits"', 'ablo_source_commits_pkey', $$("organization_id", "id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_source_commits"', 'ablo_source_commits_sent_idx', '', $$("organization_id", "sent_at")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_source_commits"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_source_commits"', 'Commits that went out to an organisation''s own database, until its outbox has told of all their operations.');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'id', 'As the source knows it');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'client_tx_id', 'As the client knows it');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'body_hash', 'Of the operations: another commit may not use the same id');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'state', 'sent; appended: its rows are in the log; taken over: its events are put there');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'rows', 'The rows that it writes, model and id each');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'writer', 'Who writes it');
CALL pg_temp.ablo_comment('"public"."ablo_source_commits"', 'told', 'Operations that the outbox has told of');

-- ablo_source_events: Events of an organisation's own database that were taken: one that comes again says nothing new.
CREATE TABLE IF NOT EXISTS "public"."ablo_source_events" (
  "organization_id" text NOT NULL,
  "id" text NOT NULL,
  "taken_at" timestamptz NOT NULL
);
CALL pg_temp.ablo_columns('"public"."ablo_source_events"', 'text', ARRAY['organization_id', 'id']);
CALL pg_temp.ablo_columns('"public"."ablo_source_events"', 'timestamptz', ARRAY['taken_at']);
CALL pg_temp.ablo_not_null('"public"."ablo_source_events"', ARRAY['organization_id', 'id', 'taken_at']);
CALL pg_temp.ablo_key('"public"."ablo_source_events"', 'ablo_source_events_pkey', $$("organization_id", "id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_source_events"', 'ablo_source_events_age_idx', '', $$("organization_id", "taken_at")$$);
CALL pg_temp.ablo_isolate('"public"."ablo_source_events"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_source_events"', 'Events of an organisation''s own database that were taken: one that comes again says nothing new.');

-- ablo_webhook_endpoints: Who is told of the log by HTTP, and how far each has come.
CREATE TABLE IF NOT EXISTS "public"."ablo_webhook_endpoints" (
  "id" text PRIMARY KEY,
  "organization_id" text NOT NULL,
  "url" text NOT NULL,
  "secret" text NOT NULL,
  "enabled_events" text[] NOT NULL,
  "status" text NOT NULL,
  "cursor" bigint NOT NULL,
  "sending_to" bigint,
  "attempts" bigint NOT NULL,
  "next_attempt_at" timestamptz NOT NULL,
  "leased_until" timestamptz NOT NULL,
  "last_success_at" timestamptz,
  "last_error_at" timestamptz,
  "last_error" text,
  "created_at" timestamptz NOT NULL
);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_endpoints"', 'text', ARRAY['id', 'organization_id', 'url', 'secret', 'status', 'last_error']);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_endpoints"', 'timestamptz', ARRAY['next_attempt_at', 'leased_until', 'last_success_at', 'last_error_at', 'created_at']);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_endpoints"', 'text[]', ARRAY['enabled_events']);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_endpoints"', 'bigint', ARRAY['cursor', 'sending_to', 'attempts']);
CALL pg_temp.ablo_not_null('"public"."ablo_webhook_endpoints"', ARRAY['id', 'organization_id', 'url', 'secret', 'enabled_events', 'status', 'cursor', 'attempts', 'next_attempt_at', 'leased_until', 'created_at']);
CALL pg_temp.ablo_key('"public"."ablo_webhook_endpoints"', 'ablo_webhook_endpoints_pkey', $$("id")$$);
CALL pg_temp.ablo_enum('"public"."ablo_webhook_endpoints"', 'ablo_webhook_endpoints_status_check', 'status', ARRAY['enabled', 'disabled']);
CALL pg_temp.ablo_index_on('"public"."ablo_webhook_endpoints"', 'ablo_webhook_endpoints_organization_idx', '', $$("organization_id")$$);
CALL pg_temp.ablo_index_on('"public"."ablo_webhook_endpoints"', 'ablo_webhook_endpoints_due_idx', '', $$("next_attempt_at") WHERE "status" = 'enabled'$$);
CALL pg_temp.ablo_about('"public"."ablo_webhook_endpoints"', 'Who is told of the log by HTTP, and how far each has come.');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'secret', 'What messages are signed with');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'enabled_events', 'Kinds of events; none are all');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'cursor', 'The place in the log behind which it has heard nothing');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'sending_to', 'The last place that the message under way speaks of');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'attempts', 'Attempts at it that failed');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_endpoints"', 'leased_until', 'Until then a process is at it');

-- ablo_webhook_letters: Messages that nobody took in any attempt.
CREATE TABLE IF NOT EXISTS "public"."ablo_webhook_letters" (
  "organization_id" text NOT NULL,
  "endpoint_id" text NOT NULL,
  "id" text NOT NULL,
  "body" text NOT NULL,
  "error" text NOT NULL,
  "died_at" timestamptz NOT NULL,
  "again" text NOT NULL
);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_letters"', 'text', ARRAY['organization_id', 'endpoint_id', 'id', 'body', 'error', 'again']);
CALL pg_temp.ablo_columns('"public"."ablo_webhook_letters"', 'timestamptz', ARRAY['died_at']);
CALL pg_temp.ablo_not_null('"public"."ablo_webhook_letters"', ARRAY['organization_id', 'endpoint_id', 'id', 'body', 'error', 'died_at', 'again']);
CALL pg_temp.ablo_key('"public"."ablo_webhook_letters"', 'ablo_webhook_letters_pkey', $$("organization_id", "endpoint_id", "id")$$);
CALL pg_temp.ablo_enum('"public"."ablo_webhook_letters"', 'ablo_webhook_letters_again_check', 'again', ARRAY['yes', 'no']);
CALL pg_temp.ablo_isolate('"public"."ablo_webhook_letters"', $$"organization_id" = current_setting('app.current_org_id', true)$$);
CALL pg_temp.ablo_about('"public"."ablo_webhook_letters"', 'Messages that nobody took in any attempt.');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_letters"', 'body', 'As it was signed');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_letters"', 'error', 'Why the last attempt failed');
CALL pg_temp.ablo_comment('"public"."ablo_webhook_letters"', 'again', 'Whether it is to be sent once more');

COMMIT;

RESET client_encoding;
