-- Every row of user objects in the system catalogs with the transaction that wrote it. Two results
-- are equal only if nothing was written between them.
WITH home AS (
  SELECT oid, xmin, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), rel AS (
  SELECT c.oid, c.xmin, c.relname FROM pg_class c JOIN home ON home.oid = relnamespace
)
SELECT format('schema %s %s %s', nspname, oid, xmin) FROM home
UNION ALL SELECT format('relation %s %s %s', relname, oid, xmin) FROM rel
UNION ALL SELECT format('column %s.%s %s', relname, attname, a.xmin) FROM pg_attribute a JOIN rel ON rel.oid = attrelid
UNION ALL SELECT format('default %s %s %s', relname, d.oid, d.xmin) FROM pg_attrdef d JOIN rel ON rel.oid = adrelid
UNION ALL SELECT format('constraint %s.%s %s %s', relname, conname, k.oid, k.xmin) FROM pg_constraint k JOIN rel ON rel.oid = conrelid
UNION ALL SELECT format('index %s %s', relname, i.xmin) FROM pg_index i JOIN rel ON rel.oid = indexrelid
UNION ALL SELECT format('policy %s.%s %s %s', relname, polname, p.oid, p.xmin) FROM pg_policy p JOIN rel ON rel.oid = polrelid
UNION ALL SELECT format('trigger %s.%s %s %s', relname, tgname, t.oid, t.xmin) FROM pg_trigger t JOIN rel ON rel.oid = tgrelid
UNION ALL SELECT format('comment %s.%s %s', relname, objsubid, d.xmin) FROM pg_description d JOIN rel ON rel.oid = objoid
UNION ALL SELECT format('routine %s %s %s', proname, p.oid, p.xmin) FROM pg_proc p JOIN home ON home.oid = pronamespace
UNION ALL SELECT format('type %s %s %s', typname, t.oid, t.xmin) FROM pg_type t JOIN home ON home.oid = typnamespace
ORDER BY 1
