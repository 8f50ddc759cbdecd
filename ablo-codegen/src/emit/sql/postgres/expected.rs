//! What a schema expects of a live database, in plain values that others can compare.
//!
//! The catalogue comes in. Tables go out with everything by name and meaning, and for each part the statement that would
//! make it. Nothing is asked of a server here, and nothing is decided that the catalogue does not say.

use super::ddl::{ColumnType, Preset, Table};
use super::names::{Ident, Literal, sql, to_sql};
use super::render::write_predicate;
use super::table_defs::{CheckDef, ColumnDef, ForeignKeyDef, IndexDef, Rule, TableDef, table_defs};
use super::{OptionError, PostgresOptions};
use crate::shape::tables;
use ablo_schema::Schema;

/// One table as a schema expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ExpectedColumn>,
    /// The primary key's column.
    pub key: String,
    /// What would make the primary key.
    pub key_fix: String,
    /// What values are held to.
    pub checks: Vec<ExpectedCheck>,
    /// Indexes, without that of the primary key.
    pub indexes: Vec<ExpectedIndex>,
    /// Foreign keys, where they are asked for.
    pub foreign_keys: Vec<ExpectedKey>,
    /// Which rows a tenant sees and writes, as SQL, where that is limited.
    pub predicate: Option<String>,
    /// What would turn row security on, where a predicate is there.
    pub security_fix: String,
    /// What would make the policy, where a predicate is there.
    pub policy_fix: String,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedColumn {
    /// Its name.
    pub name: String,
    /// Its type as the server prints it.
    pub type_name: String,
    /// Whether every row has a value.
    pub not_null: bool,
    /// What an absent value is.
    pub preset: ExpectedDefault,
    /// Its comment.
    pub comment: Option<String>,
    /// What would add it.
    pub add: String,
    /// What would set its default, or take away a wrong one.
    pub default_fix: String,
    /// What would set its comment, or take away a wrong one.
    pub comment_fix: String,
    /// What would make it required, or no longer so.
    pub null_fix: String,
}

/// What an absent value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedDefault {
    /// Nothing.
    None,
    /// The time of writing.
    Now,
    /// This.
    Constant(Constant),
}

/// A constant, as text that the column's type reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant(pub String);

/// A check of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedCheck {
    /// Its name.
    pub name: String,
    /// The column.
    pub column: String,
    /// The condition as SQL, in the form in which a server prints it but for parentheses, casts and spaces.
    pub condition: String,
    /// What would make it.
    pub fix: String,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedIndex {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// How it is organised.
    pub method: &'static str,
    /// Whether no two rows share its values.
    pub unique: bool,
    /// What would make it.
    pub fix: String,
}

/// A foreign key to a target's `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedKey {
    /// Its name.
    pub name: String,
    /// The referencing column.
    pub column: String,
    /// The referenced table.
    pub target: String,
    /// What would make it.
    pub fix: String,
    /// What would validate it.
    pub validate: String,
}

/// Every table that a schema expects.
///
/// # Errors
/// When the options contradict each other or name no possible schema.
pub fn expected(schema: &Schema, options: &PostgresOptions) -> Result<Vec<Expected>, OptionError> {
    let shapes = tables(schema);
    let definitions = table_defs(&shapes, &options.resolve()?);
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
    let key =
        definition.columns.iter().find(|column| column.primary).map_or("id", |column| column.name);
    let mut policy_fix = text!("CREATE POLICY tenant_isolation ON ", table);
    if let Some(predicate) = &predicate {
        for part in [" USING (", predicate, ") WITH CHECK (", predicate, ");"] {
            policy_fix.push_str(part);
        }
    }
    Expected {
        name: table.name.as_str().to_owned(),
        columns: definition.columns.iter().map(|each| column(table, each)).collect(),
        key: key.to_owned(),
        key_fix: text!(
            "ALTER TABLE ",
            table,
            " ADD CONSTRAINT ",
            table.key,
            " PRIMARY KEY (",
            Ident::new(key),
            ");"
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
        type_name: match column.column_type {
            ColumnType::Timestamptz | ColumnType::TimestamptzNow => {
                "timestamp with time zone".to_owned()
            }
            other => to_sql(&other),
        },
        not_null: column.not_null,
        preset: match (&column.preset, column.column_type) {
            (Some(Preset::Boolean(flag)), _) => {
                ExpectedDefault::Constant(Constant(flag.to_string()))
            }
            (Some(Preset::Text(Literal(text))), _) => {
                ExpectedDefault::Constant(Constant(text.to_string()))
            }
            (None, ColumnType::TimestamptzNow) => ExpectedDefault::Now,
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

fn check(table: &Table<'_>, check: &CheckDef<'_>) -> ExpectedCheck {
    let column = Ident::new(check.column);
    let condition = match &check.rule {
        Rule::OneOf([only]) => text!(column, " = ", Literal::new(&**only)),
        Rule::OneOf(allowed) => {
            let literals: Vec<_> =
                allowed.iter().map(|value| to_sql(&Literal::new(&**value))).collect();
            format!("{} = ANY (ARRAY[{}])", to_sql(&column), literals.join(", "))
        }
        Rule::Between(least, most) => format!("{0} >= {least} AND {0} <= {most}", to_sql(&column)),
    };
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
    let listed: Vec<_> = index.columns.iter().map(|column| to_sql(&Ident::new(*column))).collect();
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut fix =
        text!("CREATE ", unique, "INDEX CONCURRENTLY ", index.name, " ON ", table, " USING ");
    fix.push_str(index.method.name());
    fix.push_str(&format!(" ({});", listed.join(", ")));
    ExpectedIndex {
        name: index.name.as_str().to_owned(),
        columns: index.columns.iter().map(|column| (*column).to_owned()).collect(),
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
    let column = Ident::new(key.column);
    Some(ExpectedKey {
        name: key.name.as_str().to_owned(),
        column: key.column.to_owned(),
        target: target.name.as_str().to_owned(),
        fix: text!(
            "ALTER TABLE ",
            table,
            " ADD CONSTRAINT ",
            key.name,
            " FOREIGN KEY (",
            column,
            ") REFERENCES ",
            target,
            " (\"id\") ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED NOT VALID;"
        ),
        validate: text!("ALTER TABLE ", table, " VALIDATE CONSTRAINT ", key.name, ";"),
    })
}
