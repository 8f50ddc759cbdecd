-- Every table of the schema $1 as one JSON document.
SELECT jsonb_build_object(
  'others', (
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'name', name) ORDER BY kind, name), '[]') FROM (
      SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind, relname AS name
      FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('v', 'm', 'f')
    ) AS listed
  ),
  'tables', (
    SELECT coalesce(jsonb_object_agg(relname, jsonb_build_object(
      'partitioned', relkind = 'p',
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
          'definition', pg_get_indexdef(indexrelid)
        )), '{}')
        FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = c.oid AND NOT indisprimary
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
    FROM pg_class c
    WHERE relnamespace = n.oid AND relkind IN ('r', 'p') AND NOT relispartition
  )
)::text
FROM pg_namespace n WHERE nspname = $1
