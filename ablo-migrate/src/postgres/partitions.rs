//! Indexes of partitioned tables. PostgreSQL builds none of them concurrently, so each partition
//! gets its own, which is attached to that of the table.

use super::effects::{self, FoundIndex};
use super::quoted;
use ablo_codegen::migrate::IndexDefinition;
use postgres::Client;
use postgres::types::Type;

type Built = Result<(), postgres::Error>;

/// The number of bytes of an index's name that the name of a part of it begins with.
const STEM: usize = 48;

const PARTITIONS: &str = "
    SELECT n.nspname::text, c.relname::text, c.relkind = 'p', c.oid::bigint
    FROM pg_catalog.pg_inherits
      JOIN pg_catalog.pg_class c ON c.oid = inhrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE inhparent = format('%I.%I', $1, $2)::regclass ORDER BY c.oid";

/// Builds an index of a partitioned table. It may be repeated.
pub(super) fn build(
    client: &mut Client,
    (schema, table): (&str, &str),
    name: &str,
    definition: &IndexDefinition,
) -> Built {
    client.batch_execute(&statement(
        "IF NOT EXISTS",
        "ONLY ",
        (schema, table),
        name,
        definition,
    ))?;
    let places = &[(&schema as _, Type::TEXT), (&table as _, Type::TEXT)];
    for part in client.query_typed(PARTITIONS, places)? {
        let (place, part_name): (String, String) = (part.try_get(0)?, part.try_get(1)?);
        let (is_partitioned, oid): (bool, i64) = (part.try_get(2)?, part.try_get(3)?);
        let end = (0..=name.len().min(STEM)).rfind(|end| name.is_char_boundary(*end));
        let index = format!("{}_{oid}", &name[..end.unwrap_or(0)]);
        let of = (place.as_str(), part_name.as_str());
        if is_partitioned {
            build(client, of, &index, definition)?;
        } else {
            build_part(client, of, &index, definition)?;
        }
        let (parent, child) = (
            format!("{}.{}", quoted(schema), quoted(name)),
            format!("{}.{}", quoted(&place), quoted(&index)),
        );
        client.batch_execute(&format!("ALTER INDEX {parent} ATTACH PARTITION {child}"))?;
    }
    Ok(())
}

fn build_part(
    client: &mut Client,
    (schema, table): (&str, &str),
    name: &str,
    definition: &IndexDefinition,
) -> Built {
    match effects::index(client, schema, table, name, Some(definition))? {
        FoundIndex::Valid => return Ok(()),
        FoundIndex::Invalid => {
            let index = format!("{}.{}", quoted(schema), quoted(name));
            client.batch_execute(&format!("DROP INDEX CONCURRENTLY {index}"))?;
        }
        FoundIndex::Missing | FoundIndex::Other(_) => {}
    }
    client.batch_execute(&statement("CONCURRENTLY", "", (schema, table), name, definition))
}

fn statement(
    how: &str,
    only: &str,
    (schema, table): (&str, &str),
    name: &str,
    definition: &IndexDefinition,
) -> String {
    let columns: Vec<String> = definition.columns.iter().map(|column| quoted(column)).collect();
    format!(
        "CREATE {}INDEX {how} {} ON {only}{}.{} USING {} ({}{})",
        if definition.unique { "UNIQUE " } else { "" },
        quoted(name),
        quoted(schema),
        quoted(table),
        definition.method,
        columns.join(", "),
        if definition.by_bytes { " COLLATE \"C\"" } else { "" },
    )
}
