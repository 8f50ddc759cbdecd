//! The tables that a schema expects in a database, in plain values for comparison with a catalog.
//!
//! They are made from the table definitions. Each part has the statement that would create or
//! correct it.

use super::ddl::{ColumnType, Preset, Table};
use super::names::{Ident, Literal, sql, to_sql};
use super::render::{Columns, idents, write_predicate};
use super::table_defs::ResolvedOptions;
use super::table_defs::{CheckDef, ColumnDef, ForeignKeyDef, IndexDef, Rule, TableDef, table_defs};
use super::{OptionError, PostgresOptions};
use crate::migrate::Existing;
use crate::shape::tables_in;
use ablo_schema::Schema;

/// The name of the policy of every isolated table.
pub const POLICY: &str = "tenant_isolation";

/// An expected table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The name.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<ExpectedColumn>,
    /// The columns of the primary key.
    pub key: Vec<String>,
    /// The name of the primary key.
    pub key_name: String,
    /// The statement that adds the primary key.
    pub key_fix: String,
    /// The check constraints.
    pub checks: Vec<ExpectedCheck>,
    /// The indexes, without that of the primary key.
    pub indexes: Vec<ExpectedIndex>,
    /// The foreign keys, if enabled.
    pub foreign_keys: Vec<ExpectedKey>,
    /// The policy's condition as SQL, if the table is isolated.
    pub predicate: Option<String>,
    /// The statement that enables row security, if the table is isolated.
    pub security_fix: String,
    /// The statement that creates the policy, if the table is isolated.
    pub policy_fix: String,
}

/// An expected column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedColumn {
    /// The name.
    pub name: String,
    /// The type as the server prints it.
    pub type_name: String,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// The default.
    pub preset: ExpectedDefault,
    /// The comment.
    pub comment: Option<String>,
    /// The statement that adds the column.
    pub add: String,
    /// The statement that sets the default or drops a wrong one.
    pub default_fix: String,
    /// The statement that sets the comment or drops a wrong one.
    pub comment_fix: String,
    /// The statement that sets or drops `NOT NULL`.
    pub null_fix: String,
}

/// The default of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedDefault {
    /// No default.
    None,
    /// The current time.
    Now,
    /// A constant.
    Constant(Constant),
}

/// A constant in the text form of the column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant(pub String);

/// An expected check constraint on one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedCheck {
    /// The name.
    pub name: String,
    /// The column.
    pub column: String,
    /// The condition as SQL, as a server prints it except for parentheses, casts and spaces.
    pub condition: String,
    /// The statement that creates it.
    pub fix: String,
}

/// An expected index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedIndex {
    /// The name.
    pub name: String,
    /// The columns, the last one with `COLLATE "C"` if it is ordered by its bytes.
    pub columns: Vec<String>,
    /// The access method.
    pub method: &'static str,
    /// Whether it is unique.
    pub unique: bool,
    /// The statement that creates it.
    pub fix: String,
}

/// An expected foreign key to the target's `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedKey {
    /// The name.
    pub name: String,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The referenced table.
    pub target: String,
    /// The referenced columns.
    pub target_columns: Vec<String>,
    /// The statement that creates it.
    pub fix: String,
    /// The statement that validates the key.
    pub validate: String,
}

/// Returns the tables that a schema expects in a layout.
///
/// # Errors
/// Returns an error if the options contradict each other or the schema name is invalid.
pub fn expected(
    schema: &Schema,
    tables: Existing,
    options: &PostgresOptions,
) -> Result<Vec<Expected>, OptionError> {
    let Existing { layout, foreign_keys } = tables;
    let shapes = tables_in(schema, layout);
    let plan = ResolvedOptions { layout, foreign_keys, ..options.resolve()? };
    let definitions = table_defs(&shapes, &plan);
    Ok(definitions.iter().map(|definition| table(definition, &definitions)).collect())
}

macro_rules! text {
    ($($part:expr),+ $(,)?) => {{ let mut out = String::new(); sql!(&mut out, $($part),+); out }};
}

fn table(definition: &TableDef<'_>, all: &[TableDef<'_>]) -> Expected {
    let table = &definition.table;
    let predicate = definition.predicate.as_ref().map(|predicate| {
        let mut out = String::new();
        write_predicate(table, predicate, &mut out);
        out
    });
    let mut policy_fix = text!("CREATE POLICY tenant_isolation ON ", table);
    if let Some(predicate) = &predicate {
        for part in [" USING (", predicate, ") WITH CHECK (", predicate, ");"] {
            policy_fix.push_str(part);
        }
    }
    Expected {
        name: table.name.as_str().to_owned(),
        columns: definition.columns.iter().map(|each| column(table, each)).collect(),
        key: strings(&definition.key),
        key_name: table.key.as_str().to_owned(),
        key_fix: text!(
            "ALTER TABLE ",
            table,
            " ADD CONSTRAINT ",
            table.key,
            " PRIMARY KEY ",
            Columns(&idents(&definition.key)),
            ";"
        ),
        checks: definition.checks.iter().map(|each| check(table, each)).collect(),
        indexes: definition.indexes.iter().map(|each| index(table, each)).collect(),
        foreign_keys: definition
            .foreign_keys
            .iter()
            .filter_map(|each| foreign_key(table, each, all))
            .collect(),
        predicate,
        security_fix: text!(
            "ALTER TABLE ",
            table,
            " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        ),
        policy_fix,
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn column(table: &Table<'_>, column: &ColumnDef<'_>) -> ExpectedColumn {
    let name = Ident::new(column.name);
    let alter = |tail: &str| {
        let mut out = text!("ALTER TABLE ", table, " ALTER COLUMN ", name, " ");
        out.push_str(tail);
        out
    };
    let default = match &column.preset {
        Some(preset) => format!(" DEFAULT {}", to_sql(preset)),
        None => column.column_type.default().to_owned(),
    };
    let mut add = text!("ALTER TABLE ", table, " ADD COLUMN ", name, " ", column.column_type);
    add.push_str(&default);
    add.push_str(if column.not_null { " NOT NULL;" } else { ";" });
    let mut comment_fix = text!("COMMENT ON COLUMN ", table, ".", name, " IS ");
    match &column.comment {
        Some(comment) => sql!(&mut comment_fix, comment, ";"),
        None => comment_fix.push_str("NULL;"),
    }
    ExpectedColumn {
        name: column.name.to_owned(),
        type_name: column.column_type.printed(),
        not_null: column.not_null,
        preset: match (&column.preset, column.column_type) {
            (Some(Preset::Boolean(flag)), _) => {
                ExpectedDefault::Constant(Constant(flag.to_string()))
            }
            (Some(Preset::Text(Literal(text))), _) => {
                ExpectedDefault::Constant(Constant(text.to_string()))
            }
            (None, ColumnType::TimestamptzNow | ColumnType::NativeNow(_)) => ExpectedDefault::Now,
            (None, _) => ExpectedDefault::None,
        },
        comment: column.comment.as_ref().map(|Literal(text)| text.to_string()),
        add,
        default_fix: alter(&if default.is_empty() {
            "DROP DEFAULT;".to_owned()
        } else {
            format!("SET{default};")
        }),
        comment_fix,
        null_fix: alter(if column.not_null { "SET NOT NULL;" } else { "DROP NOT NULL;" }),
    }
}

/// Returns the condition of a check, as a server prints it except for parentheses, casts and
/// spaces.
fn condition(check: &CheckDef<'_>) -> String {
    let column = Ident::new(check.column);
    match &check.rule {
        Rule::OneOf([only]) => text!(column, " = ", Literal::new(&**only)),
        Rule::OneOf(allowed) => {
            let literals: Vec<_> =
                allowed.iter().map(|value| to_sql(&Literal::new(&**value))).collect();
            format!("{} = ANY (ARRAY[{}])", to_sql(&column), literals.join(", "))
        }
        Rule::Between(least, most) => format!("{0} >= {least} AND {0} <= {most}", to_sql(&column)),
    }
}

fn check(table: &Table<'_>, check: &CheckDef<'_>) -> ExpectedCheck {
    let condition = condition(check);
    let mut fix = text!("ALTER TABLE ", table, " ADD CONSTRAINT ", check.name, " CHECK (");
    fix.push_str(&condition);
    fix.push_str(");");
    ExpectedCheck {
        name: check.name.as_str().to_owned(),
        column: check.column.to_owned(),
        condition,
        fix,
    }
}

fn index(table: &Table<'_>, index: &IndexDef<'_>) -> ExpectedIndex {
    let order = if index.by_bytes { " COLLATE \"C\"" } else { "" };
    let listed: Vec<_> = index.columns.iter().map(|column| to_sql(&Ident::new(*column))).collect();
    let mut columns = strings(&index.columns);
    if let Some(last) = columns.last_mut() {
        last.push_str(order);
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut fix =
        text!("CREATE ", unique, "INDEX CONCURRENTLY ", index.name, " ON ", table, " USING ");
    fix.push_str(index.method.name());
    fix.push_str(&format!(" ({}{order});", listed.join(", ")));
    ExpectedIndex {
        name: index.name.as_str().to_owned(),
        columns,
        method: index.method.name(),
        unique: index.unique,
        fix,
    }
}

fn foreign_key(
    table: &Table<'_>,
    key: &ForeignKeyDef<'_>,
    all: &[TableDef<'_>],
) -> Option<ExpectedKey> {
    let target = &all.get(key.target)?.table;
    let (columns, target_columns) = (key.columns(), key.target_columns());
    Some(ExpectedKey {
        name: key.name.as_str().to_owned(),
        columns: strings(&columns),
        target: target.name.as_str().to_owned(),
        target_columns: strings(&target_columns),
        fix: text!(
            "ALTER TABLE ",
            table,
            " ADD CONSTRAINT ",
            key.name,
            " FOREIGN KEY ",
            Columns(&idents(&columns)),
            " REFERENCES ",
            target,
            " ",
            Columns(&idents(&target_columns)),
            " ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED NOT VALID;"
        ),
        validate: text!("ALTER TABLE ", table, " VALIDATE CONSTRAINT ", key.name, ";"),
    })
}
