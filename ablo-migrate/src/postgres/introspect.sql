-- Every table of the schema $1 as one JSON document.
WITH home AS (
  SELECT oid FROM pg_namespace WHERE nspname = $1
), own AS (
  SELECT c.oid, reltype FROM pg_class c, home WHERE relnamespace = home.oid AND relkind IN ('r', 'p')
), used AS (
  -- What depends on a table or its columns.
  SELECT refobjid AS relid, refobjsubid AS number, classid, objid, objsubid
  FROM pg_depend JOIN own ON refclassid = 'pg_class'::regclass AND refobjid = own.oid
  WHERE deptype IN ('n', 'a', 'P', 'S', 'i')
), dependent AS (
  SELECT relid, number, CASE v.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END AS kind,
    CASE WHEN v.relkind IN ('v', 'm') THEN v.relname ELSE rulename END AS name, ev_class AS place
  FROM used JOIN pg_rewrite r ON classid = 'pg_rewrite'::regclass AND r.oid = objid JOIN pg_class v ON v.oid = ev_class
  UNION ALL
  SELECT relid, number, 'policy', polname, polrelid
  FROM used JOIN pg_policy p ON classid = 'pg_policy'::regclass AND p.oid = objid
  UNION ALL
  SELECT relid, number, 'trigger', tgname, tgrelid
  FROM used JOIN pg_trigger t ON classid = 'pg_trigger'::regclass AND t.oid = objid WHERE NOT tgisinternal
  UNION ALL
  SELECT relid, number, 'generated column', attname, adrelid
  FROM used JOIN pg_attrdef d ON classid = 'pg_attrdef'::regclass AND d.oid = objid JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
  WHERE attgenerated <> '' AND number <> adnum
  UNION ALL
  -- Since PostgreSQL 15 it is the column itself that depends on others.
  SELECT relid, number, 'generated column', attname, attrelid
  FROM used JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid AND attnum = objsubid
  WHERE objsubid > 0 AND attgenerated <> '' AND (number <> attnum OR relid <> attrelid)
  UNION ALL
  SELECT relid, number, CASE contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclusion constraint'
    WHEN 'p' THEN 'primary key' ELSE 'unique constraint' END, conname, conrelid
  FROM used JOIN pg_constraint k ON classid = 'pg_constraint'::regclass AND k.oid = objid
  WHERE contype IN ('c', 'f', 'x', 'p', 'u') AND conparentid = 0 AND conrelid <> 0
  UNION ALL
  SELECT relid, number, 'index', relname, indrelid
  FROM used JOIN pg_index ON classid = 'pg_class'::regclass AND indexrelid = objid JOIN pg_class i ON i.oid = indexrelid
  UNION ALL
  SELECT relid, number, 'child table', relname, inhrelid
  FROM used JOIN pg_inherits ON classid = 'pg_class'::regclass AND inhrelid = objid AND inhparent = relid JOIN pg_class i ON i.oid = inhrelid
  UNION ALL
  SELECT relid, number, 'function', replace(objid::regprocedure::text, '"', ''), NULL FROM used WHERE classid = 'pg_proc'::regclass
  UNION ALL
  SELECT relid, number, 'statistics', stxname, stxrelid
  FROM used JOIN pg_statistic_ext e ON classid = 'pg_statistic_ext'::regclass AND e.oid = objid
  UNION ALL
  SELECT relid, number, 'publication', pubname, NULL
  FROM used JOIN pg_publication_rel r ON classid = 'pg_publication_rel'::regclass AND r.oid = objid JOIN pg_publication p ON p.oid = prpubid
  WHERE number > 0
  UNION ALL
  -- What has the type of a row.
  SELECT own.oid, 0, CASE WHEN classid = 'pg_proc'::regclass THEN 'function of its rows' ELSE 'column of its rows' END,
    CASE WHEN classid = 'pg_proc'::regclass THEN replace(objid::regprocedure::text, '"', '') ELSE attname END, attrelid
  FROM own JOIN pg_type y ON y.oid = reltype JOIN pg_depend ON refclassid = 'pg_type'::regclass AND refobjid IN (reltype, typarray)
    LEFT JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid AND attnum = objsubid AND objsubid > 0
  WHERE classid = 'pg_proc'::regclass OR attname IS NOT NULL
), dependents AS (
  SELECT relid, jsonb_agg(jsonb_build_object('kind', kind, 'name', name, 'table', place, 'columns', columns)
    ORDER BY kind, name, place) AS list
  FROM (
    SELECT relid, kind, name, CASE WHEN place = relid THEN NULL WHEN p.relnamespace = home.oid THEN p.relname
        ELSE p.relnamespace::regnamespace || '.' || p.relname END AS place,
      coalesce(jsonb_agg(DISTINCT attname) FILTER (WHERE attname IS NOT NULL), '[]') AS columns
    FROM home, dependent LEFT JOIN pg_class p ON p.oid = place
      LEFT JOIN pg_attribute ON attrelid = relid AND attnum = number AND number > 0
    GROUP BY 1, 2, 3, 4
  ) AS each GROUP BY relid
)
SELECT jsonb_build_object(
  'others', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'name', name) ORDER BY kind, name), '[]') FROM (
      SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END AS kind, relname AS name
      FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('v', 'm', 'f', 'S')
        -- The sequence of a column is part of its default.
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
          AND (deptype = 'e' OR relkind = 'S' AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')))
      UNION ALL
      SELECT CASE typtype WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum type' WHEN 'r' THEN 'range type' ELSE 'composite type' END, typname
      FROM pg_type WHERE typnamespace = n.oid
        AND (typtype IN ('d', 'e', 'r') OR typtype = 'c' AND EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
      UNION ALL
      SELECT CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
        proname || '(' || replace(pg_get_function_identity_arguments(pg_proc.oid), '"', '') || ')'
      FROM pg_proc WHERE pronamespace = n.oid
        -- The functions of a range type and of an extension are part of it.
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype IN ('e', 'i'))
      UNION ALL
      SELECT 'collation', collname FROM pg_collation WHERE collnamespace = n.oid
      UNION ALL
      SELECT 'extension', extname FROM pg_extension WHERE extnamespace = n.oid
    ) AS listed
  ),
  'tables', (
    SELECT coalesce(jsonb_object_agg(relname, jsonb_build_object(
      'partitioned', relkind = 'p',
      'unlogged', relpersistence = 'u',
      'parents', (SELECT coalesce(jsonb_agg(replace(inhparent::regclass::text, '"', '') ORDER BY inhseqno), '[]') FROM pg_inherits WHERE inhrelid = c.oid),
      'children', (
        SELECT coalesce(jsonb_agg(replace(inhrelid::regclass::text, '"', '') ORDER BY inhrelid::regclass::text), '[]') FROM pg_inherits
        WHERE inhparent = c.oid AND c.relkind = 'r'
      ),
      'dependents', coalesce(dependents.list, '[]'),
      'comment', obj_description(c.oid, 'pg_class'),
      'rowSecurity', relrowsecurity,
      'forced', relforcerowsecurity,
      'columns', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
          'name', attname,
          -- Types of the server itself without the quotes that quote_all_identifiers gives them.
          'typeName', regexp_replace(format_type(atttypid, atttypmod), '^"([a-z0-9_]+)"(?!\.)', '\1'),
          'notNull', attnotnull,
          'default', CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END,
          'generated', attidentity <> '' OR attgenerated <> '',
          'identity', attidentity <> '',
          'enumValues', (SELECT coalesce(jsonb_agg(enumlabel ORDER BY enumsortorder), '[]') FROM pg_enum WHERE enumtypid = atttypid),
          'domainOf', (SELECT regexp_replace(format_type(typbasetype, typtypmod), '^"([a-z0-9_]+)"(?!\.)', '\1') FROM pg_type WHERE oid = atttypid AND typtype = 'd'),
          'collation', (
            SELECT collname FROM pg_collation, pg_type WHERE pg_type.oid = atttypid AND pg_collation.oid = attcollation
              AND attcollation <> typcollation
          ),
          'comment', col_description(attrelid, attnum)
        ) ORDER BY attnum), '[]')
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
      ),
      'primaryKey', (
        SELECT coalesce(jsonb_agg(attname ORDER BY place), '[]')
        FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS listed (number, place)
          JOIN pg_attribute ON attnum = number
        WHERE conrelid = c.oid AND contype = 'p' AND attrelid = c.oid
      ),
      'checks', (
        SELECT coalesce(jsonb_object_agg(conname, jsonb_build_object(
          'condition', pg_get_expr(conbin, conrelid),
          'columns', (SELECT coalesce(jsonb_agg(attname ORDER BY attnum), '[]') FROM pg_attribute WHERE attrelid = c.oid AND attnum = ANY (conkey)),
          'validated', convalidated
        )), '{}')
        FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'
      ),
      'foreignKeys', (
        SELECT coalesce(jsonb_object_agg(conname, jsonb_build_object(
          'columns', (
            SELECT jsonb_agg(attname ORDER BY place)
            FROM unnest(conkey) WITH ORDINALITY AS listed (number, place)
              JOIN pg_attribute ON attrelid = conrelid AND attnum = number
          ),
          'targetSchema', (SELECT home.nspname FROM pg_class t JOIN pg_namespace home ON home.oid = t.relnamespace WHERE t.oid = confrelid AND home.oid <> n.oid),
          'target', (SELECT relname FROM pg_class t WHERE t.oid = confrelid),
          'targetColumns', (
            SELECT jsonb_agg(attname ORDER BY place)
            FROM unnest(confkey) WITH ORDINALITY AS listed (number, place)
              JOIN pg_attribute ON attrelid = confrelid AND attnum = number
          ),
          'onDelete', confdeltype,
          'onUpdate', confupdtype,
          'deferred', condeferred,
          'validated', convalidated
        )), '{}')
        FROM pg_constraint WHERE conrelid = c.oid AND contype = 'f' AND conparentid = 0
      ),
      'indexes', (
        SELECT coalesce(jsonb_object_agg(i.relname, jsonb_build_object(
          'columns', (
            -- A collation other than that of the column is part of the name.
            SELECT coalesce(jsonb_agg(attname || CASE WHEN own.collname IS NULL THEN '' ELSE format(' COLLATE "%s"', own.collname) END
              ORDER BY place), '[]')
            FROM unnest(indkey::int2[]) WITH ORDINALITY AS listed (number, place)
              LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number AND number > 0
              LEFT JOIN pg_collation own ON own.oid = indcollation[place - 1] AND own.oid <> attcollation
            WHERE place <= indnkeyatts
          ),
          'method', (SELECT amname FROM pg_am WHERE pg_am.oid = i.relam),
          'unique', indisunique,
          'valid', indisvalid,
          'partial', indpred IS NOT NULL,
          -- PostgreSQL 14 has no such indexes.
          'nullsNotDistinct', coalesce((to_jsonb(pg_index) ->> 'indnullsnotdistinct')::boolean, false),
          'deferrable', EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid AND condeferrable),
          'include', (
            SELECT coalesce(jsonb_agg(attname ORDER BY place), '[]') FROM unnest(indkey::int2[]) WITH ORDINALITY AS listed (number, place)
              JOIN pg_attribute ON attrelid = indrelid AND attnum = number WHERE place > indnkeyatts
          ),
          'order', (SELECT bool_or(flags <> 0) FROM unnest(indoption::int2[]) AS flags),
          'operators', (
            SELECT coalesce(jsonb_agg(opcname ORDER BY place), '[]') FROM unnest(indclass::oid[]) WITH ORDINALITY AS listed (class, place)
              JOIN pg_opclass ON pg_opclass.oid = class WHERE NOT opcdefault
          ),
          'exclusion', indisexclusion,
          'definition', pg_get_indexdef(indexrelid)
        )), '{}')
        FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = c.oid AND NOT indisprimary
      ),
      'keyName', (SELECT conname FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p'),
      'keyDeferrable', EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p' AND condeferrable),
      'disabledTriggers', (
        SELECT coalesce(jsonb_agg(coalesce(conname || ' (' || tgname || ')', tgname) ORDER BY tgname), '[]')
        FROM pg_trigger LEFT JOIN pg_constraint k ON k.oid = tgconstraint WHERE tgrelid = c.oid AND tgenabled IN ('D', 'R')
      ),
      -- Triggers before a row whose function may return null, and rules.
      'swallowing', (
        SELECT coalesce(jsonb_agg(kind || name ORDER BY kind, name), '[]') FROM (
          SELECT 'trigger ' AS kind, tgname AS name FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
          WHERE tgrelid = c.oid AND NOT tgisinternal AND tgtype & 3 = 3 AND prosrc ~* '\mreturn\s+null\M'
          UNION ALL SELECT 'rule ', rulename FROM pg_rewrite WHERE ev_class = c.oid
        ) AS listed
      ),
      'policies', (
        SELECT coalesce(jsonb_object_agg(polname, jsonb_build_object(
          'permissive', polpermissive,
          'command', polcmd,
          'everyone', polroles = '{0}',
          'using', pg_get_expr(polqual, polrelid),
          'withCheck', pg_get_expr(polwithcheck, polrelid)
        )), '{}')
        FROM pg_policy WHERE polrelid = c.oid
      ),
      'triggers', (
        SELECT coalesce(jsonb_agg(tgname ORDER BY tgname), '[]') FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal
      )
    )), '{}')
    FROM pg_class c LEFT JOIN dependents ON relid = c.oid
    WHERE relnamespace = n.oid AND relkind IN ('r', 'p') AND NOT relispartition
  )
)::text
FROM pg_namespace n WHERE nspname = $1
