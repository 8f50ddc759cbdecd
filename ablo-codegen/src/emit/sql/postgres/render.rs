//! How statements look: the only place of this target that writes SQL.
//!
//! Nodes of `ddl.rs` come in, text goes out. Every name and literal is written by its own type, which escapes it.

use super::ddl::{Column, ColumnType, Method, Predicate, Statement, Table};
use super::names::{Ident, Literal, Quoted, Sql, sql};

/// What a tenant's transaction says it is.
const TENANT: &str = "current_setting('app.current_org_id', true)";

impl Sql for Table<'_> {
    fn write(&self, out: &mut String) {
        sql!(out, self.schema, ".", self.name);
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

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Btree => "btree",
            Method::Gin => "gin",
        }
    }
}

impl Sql for Statement<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Statement::Schema(name) => sql!(out, "CALL pg_temp.ablo_schema(", name, ");"),
            Statement::CreateTable { table, columns } => write_table(table, columns, out),
            Statement::Columns { table, column_type, names } => {
                call("columns", table, out);
                sql!(out, ", '", column_type.name(), column_type.default(), "', ", Names(names), ");");
            }
            Statement::NotNull { table, names } => {
                call("not_null", table, out);
                sql!(out, ", ", Names(names), ");");
            }
            Statement::PrimaryKey { table } => {
                call("primary_key", table, out);
                sql!(out, ", ", text(table.key.as_str()), ");");
            }
            Statement::Enum { table, name, column, values } => {
                call("enum", table, out);
                sql!(out, ", ", text(name.as_str()), ", ", text(column), ", ", Values(values), ");");
            }
            Statement::Index { table, name, column, method } => {
                call("index", table, out);
                sql!(out, ", ", text(name.as_str()), ", ", text(column), ", '", method.name(), "');");
            }
            Statement::Isolate { table, predicate } => {
                let mut inner = String::new();
                write_predicate(table, predicate, &mut inner);
                call("isolate", table, out);
                sql!(out, ", ", Quoted(inner), ");");
            }
            Statement::Comment { table, column, text: body } => {
                call("comment", table, out);
                sql!(out, ", ", text(column), ", ", body, ");");
            }
            Statement::ForeignKey { table, name, column, target } => {
                call("foreign_key", table, out);
                sql!(out, ", ", text(name.as_str()), ", ", text(column), ", ", target.regclass, ");");
            }
            Statement::IndexLater { table, name, column } => {
                call("index_later", table, out);
                sql!(out, ", ", text(name.as_str()), ", ", text(column), ");");
            }
            Statement::Validate { table, column, target } => {
                call("validate", table, out);
                sql!(out, ", ", text(column), ", ", target.regclass, ");");
            }
            Statement::IndexConcurrently { table, name, column } => {
                sql!(out, "CREATE INDEX CONCURRENTLY IF NOT EXISTS ", name, " ON ", table);
                sql!(out, " (", Ident::new(*column), ");");
            }
        }
    }
}

/// The beginning of a call of one of the helpers, which all take a table first.
fn call(helper: &'static str, table: &Table<'_>, out: &mut String) {
    sql!(out, "CALL pg_temp.ablo_", helper, "(", table.regclass);
}

fn write_table(table: &Table<'_>, columns: &[Column<'_>], out: &mut String) {
    sql!(out, "CREATE TABLE IF NOT EXISTS ", table, " (");
    for (at, Column { name, column_type, not_null, primary }) in columns.iter().enumerate() {
        sql!(out, if at == 0 { "\n  " } else { ",\n  " }, name, " ", column_type.name());
        if *primary && !table.key_is_default {
            sql!(out, " CONSTRAINT ", table.key);
        }
        let constraint = match (primary, not_null) {
            (true, _) => " PRIMARY KEY",
            (false, true) => " NOT NULL",
            (false, false) => "",
        };
        sql!(out, constraint, column_type.default());
    }
    sql!(out, "\n);");
}

/// A predicate as a policy of this table says it.
fn write_predicate(table: &Table<'_>, predicate: &Predicate<'_>, out: &mut String) {
    match predicate {
        Predicate::Column(column) => sql!(out, column, " = ", TENANT),
        Predicate::Parent { local_key, parent, key, owner } => {
            sql!(out, "EXISTS (\n  SELECT 1 FROM ", table.schema, ".", parent);
            sql!(out, "\n  WHERE ", parent, ".", key, " = ", table.name, ".", local_key);
            if let Some(owner) = owner {
                sql!(out, "\n    AND ", parent, ".", owner, " = ", TENANT);
            }
            sql!(out, "\n)");
        }
    }
}

fn text(name: &str) -> Literal<'_> {
    Literal::new(name)
}

/// An array of names. A call takes a hundred arguments at most, an array any number of values.
struct Names<'a>(&'a [&'a str]);

impl Sql for Names<'_> {
    fn write(&self, out: &mut String) {
        write_array(self.0.iter().map(|name| text(name)), out);
    }
}

/// An array of literals.
struct Values<'a>(&'a [Literal<'a>]);

impl Sql for Values<'_> {
    fn write(&self, out: &mut String) {
        write_array(self.0.iter(), out);
    }
}

fn write_array(items: impl Iterator<Item = impl Sql>, out: &mut String) {
    sql!(out, "ARRAY[");
    for (at, item) in items.enumerate() {
        sql!(out, if at == 0 { "" } else { ", " }, item);
    }
    sql!(out, "]");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(part: impl Sql) -> String {
        let mut out = String::new();
        part.write(&mut out);
        out
    }

    fn table() -> Table<'static> {
        let (schema, name) = (Ident::new("public"), Ident::new("it's"));
        let regclass = Literal::new(r#""public"."it's""#);
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
            written(Statement::CreateTable { table: &table(), columns }),
            "CREATE TABLE IF NOT EXISTS \"public\".\"it's\" (\n  \"id\" text PRIMARY KEY,\n  \"created_at\" timestamptz NOT NULL \
             DEFAULT now(),\n  \"note\" jsonb\n);"
        );
    }

    #[test]
    fn every_name_and_value_is_escaped() {
        let values = vec![Literal::new("it's"), Literal::new("b\\c")];
        let name = Ident::new("status_check");
        assert_eq!(
            written(Statement::Enum { table: &table(), name, column: "status", values }),
            "CALL pg_temp.ablo_enum('\"public\".\"it''s\"', 'status_check', 'status', ARRAY['it''s', E'b\\\\c']);"
        );
    }

    #[test]
    fn a_predicate_of_a_parent_names_both_tables() {
        let owner = Some(Ident::new("organization_id"));
        let (local_key, parent, key) = (Ident::new("team_id"), Ident::new("team"), Ident::new("id"));
        let predicate = Predicate::Parent { local_key, parent, key, owner };
        assert_eq!(
            written(Statement::Isolate { table: &table(), predicate }),
            "CALL pg_temp.ablo_isolate('\"public\".\"it''s\"', $$EXISTS (\n  SELECT 1 FROM \"public\".\"team\"\n  \
             WHERE \"team\".\"id\" = \"it's\".\"team_id\"\n    AND \"team\".\"organization_id\" = \
             current_setting('app.current_org_id', true)\n)$$);"
        );
    }
}
