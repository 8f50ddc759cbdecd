//! How an application's tables really stand: what the database says of them comes in, models that speak of just that go out, or all that
//! does not fit.

use super::{AdapterError, AdapterOptions, SchemaMismatch};
use crate::error::StoreError;
use crate::models::{Column, ColumnMapping, Model, Models, Part, Tenancy};
use crate::store::{Dialect, Row, Store, Tenant, Tx, Work};
use crate::value::{Cell, Kind};
use std::collections::BTreeMap;
use std::sync::mpsc;

/// A column as the database has it.
#[derive(Clone, Debug)]
struct Physical {
    /// Its type, without digits.
    actual: String,
    /// Whether that is an enumeration of the database.
    is_enum: bool,
    /// Whether it is all of the primary key.
    is_key: bool,
}

const POSTGRES: &str = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), t.typtype = 'e', \
     coalesce(i.indnkeyatts = 1 AND i.indkey[0] = a.attnum, false) \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid \
     LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
     WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))::oid AND c.relkind IN ('r', 'p', 'v', 'f') \
     AND a.attnum > 0 AND NOT a.attisdropped";
const SQLITE: &str = "SELECT m.name, c.name, lower(c.type), 0, \
     c.pk = 1 AND (SELECT count(*) FROM pragma_table_info(m.name) WHERE pk > 0) = 1 \
     FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view')";

/// Fits models to the tables of a store.
pub(super) fn fit(
    models: &mut Models,
    store: &dyn Store,
    options: &AdapterOptions,
) -> Result<(), AdapterError> {
    let dialect = store.dialect();
    let tables = tables(store)?;
    let mut faults = Vec::new();
    for model in models.iter_mut() {
        match tables.get(&model.table) {
            None => faults.push(format!("{}: there is no table `{}`", model.key, model.table)),
            Some(table) => of_model(model, table, dialect, options, &mut faults),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(AdapterError::Schema(SchemaMismatch(faults))) }
}

type Tables = BTreeMap<String, BTreeMap<String, Physical>>;

fn tables(store: &dyn Store) -> Result<Tables, StoreError> {
    let (done, outcome) = mpsc::channel();
    store.read(Tenant::Nobody, Box::new(Look { found: Tables::new(), done }));
    outcome
        .recv()
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".to_owned())))
}

/// Looks without a runtime.
struct Look {
    found: Tables,
    done: mpsc::Sender<Result<Tables, StoreError>>,
}

impl Work for Look {
    fn run(&mut self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        self.found.clear();
        let sql = match tx.dialect() {
            Dialect::Postgres => POSTGRES,
            Dialect::Sqlite => SQLITE,
        };
        for row in tx.query(sql, &[])? {
            let text = |row: &Row, at: usize| {
                row.get(at).and_then(Cell::text).unwrap_or_default().to_owned()
            };
            let flag =
                |at: usize| matches!(row.get(at), Some(Cell::Boolean(true) | Cell::Integer(1)));
            let physical = Physical { actual: text(&row, 2), is_enum: flag(3), is_key: flag(4) };
            self.found.entry(text(&row, 0)).or_default().insert(text(&row, 1), physical);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        // Who asked waits for this.
        let Self { found, done } = *self;
        let _ = done.send(outcome.map(|()| found));
    }
}

fn of_model(
    model: &mut Model,
    table: &BTreeMap<String, Physical>,
    dialect: Dialect,
    options: &AdapterOptions,
    faults: &mut Vec<String>,
) {
    let key = table.iter().find(|(_, column)| column.is_key).map(|(name, _)| name.clone());
    for column in &mut model.columns {
        if column.part == Part::Id && !table.contains_key(&column.name) {
            // Tables of others call it as they like.
            match &key {
                Some(key) => column.name.clone_from(key),
                None => faults.push(format!(
                    "{}: `{}` has neither a column `id` nor a primary key of one column",
                    model.key, model.table
                )),
            }
        }
        match table.get(&column.name) {
            Some(physical) if dialect == Dialect::Postgres => {
                if let Err(wanted) = of_column(column, physical) {
                    let (table, actual) = (&model.table, &physical.actual);
                    faults.push(format!(
                        "{}.{}: `{table}.{}` is {actual}, which cannot hold {wanted}",
                        model.key, column.member, column.name
                    ));
                }
            }
            Some(_) => {}
            None if column.part == Part::Declared => {
                faults.push(format!(
                    "{}.{}: `{}` has no column `{}`",
                    model.key, column.member, model.table, column.name
                ));
            }
            None => column.standing = ColumnMapping::Absent,
        }
    }
    if let Tenancy::Column(at) = model.tenancy
        && model.columns.get(at).is_none_or(|column| column.standing == ColumnMapping::Absent)
    {
        match options.organization {
            Some(_) => model.tenancy = Tenancy::Shared,
            None => faults.push(format!(
                "{}: `{}` does not say whose rows are whose; name the one organisation they belong to",
                model.key, model.table
            )),
        }
    }
}

/// Up to here, from either side, doubles are exact whole numbers.
const EXACT: i64 = 1 << 53;

/// How values go in and out of a column.
fn of_column(column: &mut Column, physical: &Physical) -> Result<(), &'static str> {
    let actual = physical.actual.as_str();
    if let (Kind::Text | Kind::OneOf(_), "uuid") = (&column.kind, actual) {
        column.kind = Kind::Uuid;
        return Ok(());
    }
    // A column that holds less than the schema's type takes nothing that it would round.
    match (&column.kind, actual) {
        (Kind::Number, "smallint") => column.kind = Kind::Whole(i16::MIN.into(), i16::MAX.into()),
        (Kind::Number, "integer") => column.kind = Kind::Whole(i32::MIN.into(), i32::MAX.into()),
        (Kind::Number, "bigint") => column.kind = Kind::Whole(-EXACT, EXACT),
        (Kind::Number, "real") => column.kind = Kind::Single,
        _ => {}
    }
    let text = |actual: &str| ColumnMapping::Text(actual.to_owned());
    let read_as = |read| ColumnMapping::As { read, actual: actual.to_owned() };
    column.standing = match (&column.kind, actual) {
        (Kind::Text | Kind::OneOf(_), "text" | "character varying" | "character" | "name") => {
            ColumnMapping::Made
        }
        (Kind::Text | Kind::OneOf(_), actual) if physical.is_enum => text(actual),
        (Kind::Text, "integer" | "bigint" | "smallint" | "citext") => text(actual),
        (Kind::Text | Kind::OneOf(_), _) => return Err("text"),
        (Kind::Uuid, "uuid")
        | (Kind::Boolean, "boolean")
        | (Kind::Json, "jsonb")
        | (Kind::Number, "double precision")
        | (Kind::Single, "real")
        | (Kind::Date, "timestamp with time zone")
        | (Kind::Whole(..) | Kind::Int64, "smallint" | "integer" | "bigint")
        | (Kind::Uint64 | Kind::Decimal(_), "numeric") => ColumnMapping::Made,
        (Kind::Uuid, "text" | "character varying") | (Kind::Json, "json") => text(actual),
        (Kind::Uuid, _) => return Err("a UUID"),
        (Kind::Json, _) => return Err("JSON"),
        (Kind::Date, "timestamp without time zone" | "date") => {
            ColumnMapping::Local(actual.to_owned())
        }
        (Kind::Date, _) => return Err("a point in time"),
        (Kind::Boolean, _) => return Err("true or false"),
        (Kind::Number, "numeric") => read_as("double precision"),
        (Kind::Number, _) => return Err("a number"),
        (Kind::Single, "double precision" | "numeric") => read_as("real"),
        (Kind::Single, _) => return Err("a number of single precision"),
        (Kind::Whole(..) | Kind::Int64, "numeric") => read_as("bigint"),
        (Kind::Whole(..) | Kind::Int64, _) => return Err("a whole number"),
        (
            Kind::Uint64 | Kind::Decimal(_),
            "smallint" | "integer" | "bigint" | "double precision" | "real",
        ) => text(actual),
        (Kind::Uint64 | Kind::Decimal(_), _) => return Err("exact digits"),
    };
    Ok(())
}
