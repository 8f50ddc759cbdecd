//! How statements look: the only place of this target that writes SQL.
//!
//! Nodes of `ddl.rs` come in, text goes out. Every name and literal is written by its own type, which escapes it.

use super::ddl::{Column, ColumnType, Method, Predicate, Statement, Table};
use super::names::{Ident, Literal, Quoted};
use std::fmt::{self, Display};

/// What a tenant's transaction says it is.
const TENANT: &str = "current_setting('app.current_org_id', true)";

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl ColumnType {
    fn name(self) -> &'static str {
        match self {
            ColumnType::Text => "text",
            ColumnType::DoublePrecision => "double precision",
            ColumnType::Boolean => "boolean",
            ColumnType::Timestamptz | ColumnType::TimestamptzNow => "timestamptz",
            ColumnType::Jsonb => "jsonb",
        }
    }

    fn default(self) -> &'static str {
        if self == ColumnType::TimestamptzNow { " DEFAULT now()" } else { "" }
    }
}

impl Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        f.write_str(self.default())
    }
}

impl Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Btree => "btree",
            Method::Gin => "gin",
        })
    }
}

impl Display for Statement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Schema(name) => write!(f, "CALL pg_temp.ablo_schema({name});"),
            Statement::CreateTable { table, columns } => create_table(f, table, columns),
            Statement::Columns { table, column_type, names } => {
                write!(f, "CALL pg_temp.ablo_columns({}, '{column_type}', {});", table.regclass, array(names))
            }
            Statement::NotNull { table, names } => {
                write!(f, "CALL pg_temp.ablo_not_null({}, {});", table.regclass, array(names))
            }
            Statement::PrimaryKey { table } => {
                write!(f, "CALL pg_temp.ablo_primary_key({}, {});", table.regclass, text(table.key.as_str()))
            }
            Statement::Enum { table, name, column, values } => {
                let (name, column) = (text(name.as_str()), text(column));
                write!(f, "CALL pg_temp.ablo_enum({}, {name}, {column}, {});", table.regclass, literals(values))
            }
            Statement::Index { table, name, column, method } => {
                let (name, column) = (text(name.as_str()), text(column));
                write!(f, "CALL pg_temp.ablo_index({}, {name}, {column}, '{method}');", table.regclass)
            }
            Statement::Isolate { table, predicate } => {
                let predicate = Quoted(InTable(table, predicate).to_string());
                write!(f, "CALL pg_temp.ablo_isolate({}, {predicate});", table.regclass)
            }
            Statement::Comment { table, column, text: body } => {
                write!(f, "CALL pg_temp.ablo_comment({}, {}, {body});", table.regclass, text(column))
            }
            Statement::ForeignKey { table, name, column, target } => {
                let (name, column) = (text(name.as_str()), text(column));
                write!(f, "CALL pg_temp.ablo_foreign_key({}, {name}, {column}, {});", table.regclass, target.regclass)
            }
            Statement::IndexLater { table, name, column } => {
                let (name, column) = (text(name.as_str()), text(column));
                write!(f, "CALL pg_temp.ablo_index_later({}, {name}, {column});", table.regclass)
            }
            Statement::Validate { table, column, target } => {
                write!(f, "CALL pg_temp.ablo_validate({}, {}, {});", table.regclass, text(column), target.regclass)
            }
            Statement::IndexConcurrently { table, name, column } => {
                let column = Ident::new(*column);
                write!(f, "CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} ({column});")
            }
        }
    }
}

fn create_table(f: &mut fmt::Formatter<'_>, table: &Table<'_>, columns: &[Column<'_>]) -> fmt::Result {
    write!(f, "CREATE TABLE IF NOT EXISTS {table} (")?;
    for (at, Column { name, column_type, not_null, primary }) in columns.iter().enumerate() {
        write!(f, "{}\n  {name} {}", if at == 0 { "" } else { "," }, column_type.name())?;
        if *primary && !table.key_is_default {
            write!(f, " CONSTRAINT {}", table.key)?;
        }
        f.write_str(match (primary, not_null) {
            (true, _) => " PRIMARY KEY",
            (false, true) => " NOT NULL",
            (false, false) => "",
        })?;
        f.write_str(column_type.default())?;
    }
    f.write_str("\n);")
}

/// A predicate as a policy of this table says it.
struct InTable<'a>(&'a Table<'a>, &'a Predicate<'a>);

impl Display for InTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { schema, name: child, .. } = self.0;
        match self.1 {
            Predicate::Column(column) => write!(f, "{column} = {TENANT}"),
            Predicate::Parent { local_key, parent, key, owner } => {
                write!(f, "EXISTS (\n  SELECT 1 FROM {schema}.{parent}\n  WHERE {parent}.{key} = {child}.{local_key}")?;
                if let Some(owner) = owner {
                    write!(f, "\n    AND {parent}.{owner} = {TENANT}")?;
                }
                f.write_str("\n)")
            }
        }
    }
}

fn text(name: &str) -> Literal<'_> {
    Literal::new(name)
}

fn array<'a>(names: &'a [&'a str]) -> impl Display + 'a {
    fmt::from_fn(|f| list(f, names.iter().map(|name| text(name))))
}

fn literals<'a>(values: &'a [Literal<'a>]) -> impl Display + 'a {
    fmt::from_fn(|f| list(f, values.iter()))
}

/// An array of texts. A call takes a hundred arguments at most, an array any number of values.
fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    f.write_str("ARRAY[")?;
    for (at, item) in items.enumerate() {
        write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<'static> {
        let (schema, name) = (Ident::new("public"), Ident::new("it's"));
        let regclass = Literal::new(format!("{schema}.{name}"));
        Table { schema, name, key: Ident::new("it's_pkey"), key_is_default: true, regclass }
    }

    #[test]
    fn a_table_reads_as_sql() {
        let column =
            |name, column_type, not_null, primary| Column { name: Ident::new(name), column_type, not_null, primary };
        let columns = vec![
            column("id", ColumnType::Text, true, true),
            column("created_at", ColumnType::TimestamptzNow, true, false),
            column("note", ColumnType::Jsonb, false, false),
        ];
        assert_eq!(
            Statement::CreateTable { table: &table(), columns }.to_string(),
            "CREATE TABLE IF NOT EXISTS \"public\".\"it's\" (\n  \"id\" text PRIMARY KEY,\n  \"created_at\" timestamptz NOT NULL \
             DEFAULT now(),\n  \"note\" jsonb\n);"
        );
    }

    #[test]
    fn every_name_and_value_is_escaped() {
        let values = vec![Literal::new("it's"), Literal::new("b\\c")];
        let name = Ident::new("status_check");
        assert_eq!(
            Statement::Enum { table: &table(), name, column: "status", values }.to_string(),
            "CALL pg_temp.ablo_enum('\"public\".\"it''s\"', 'status_check', 'status', ARRAY['it''s', E'b\\\\c']);"
        );
    }

    #[test]
    fn a_predicate_of_a_parent_names_both_tables() {
        let owner = Some(Ident::new("organization_id"));
        let (local_key, parent, key) = (Ident::new("team_id"), Ident::new("team"), Ident::new("id"));
        let predicate = Predicate::Parent { local_key, parent, key, owner };
        assert_eq!(
            Statement::Isolate { table: &table(), predicate }.to_string(),
            "CALL pg_temp.ablo_isolate('\"public\".\"it''s\"', $$EXISTS (\n  SELECT 1 FROM \"public\".\"team\"\n  \
             WHERE \"team\".\"id\" = \"it's\".\"team_id\"\n    AND \"team\".\"organization_id\" = \
             current_setting('app.current_org_id', true)\n)$$);"
        );
    }
}
