-- Every table of this database as one JSON document.
SELECT coalesce(jsonb_object_agg(namespace, tables), '{}')::text FROM (
  SELECT nspname AS namespace, jsonb_object_agg(relname, jsonb_build_object(
    'rowSecurity', relrowsecurity,
    'forced', relforcerowsecurity,
    'columns', (
      SELECT coalesce(jsonb_object_agg(attname, jsonb_build_object(
        'type', format_type(atttypid, atttypmod),
        'notNull', attnotnull,
        'default', pg_get_expr(adbin, adrelid),
        'comment', col_description(attrelid, attnum)
      )), '{}')
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    ),
    'constraints', (
      SELECT coalesce(jsonb_object_agg(conname, jsonb_build_object(
        'kind', CASE contype WHEN 'p' THEN 'primary key' WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' ELSE contype::text END,
        'definition', pg_get_constraintdef(oid)
      )), '{}')
      -- Since PostgreSQL 18, NOT NULL is a constraint too. It is reported with its column.
      FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'
    ),
    'indexes', (
      SELECT coalesce(jsonb_object_agg((SELECT relname FROM pg_class WHERE oid = indexrelid), jsonb_build_object(
        'valid', indisvalid,
        'definition', pg_get_indexdef(indexrelid)
      )), '{}')
      FROM pg_index WHERE indrelid = c.oid
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
    )
  )) AS tables
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
  GROUP BY nspname
) AS namespaces
