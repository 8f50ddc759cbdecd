//! The catalog of a file in the words of PostgreSQL's types, as a pull reads it.
//!
//! A type of ours is known by its check. Candidates are provisioned in memory, so that no check is
//! written down twice.

use super::{introspect, quoted};
use crate::catalog::{Catalog, Check, Column, ForeignKey, Table};
use crate::error::Result;
use crate::expression::{Token, tokens};
use ablo_codegen::emit::sql::sqlite::provision_in;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::Layout;
use ablo_schema::front::json;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The least and the greatest value.
type Range = (&'static str, &'static str);

/// The types whose values a check holds to one form: the members of the field, the type, and its
/// range.
const KINDS: [(&str, Option<&str>, &str, Option<Range>); 11] = [
    ("boolean", None, "boolean", None),
    ("date", None, "timestamp with time zone", None),
    ("json", None, "jsonb", None),
    ("number", Some("int8"), "smallint", Some(("-128", "127"))),
    ("number", Some("uint8"), "smallint", Some(("0", "255"))),
    ("number", Some("int16"), "smallint", None),
    ("number", Some("int32"), "integer", None),
    ("number", Some("uint16"), "integer", Some(("0", "65535"))),
    ("number", Some("uint32"), "bigint", Some(("0", "4294967295"))),
    ("number", Some("float"), "real", None),
    ("string", Some("uint64"), "numeric(20,0)", Some(("0", "18446744073709551615"))),
];
/// Those without a range that have the rest of the formats.
const TEXTS: [(&str, &str); 2] = [("decimal", "numeric"), ("uuid", "uuid")];

/// The types of other programs, by a part of their name, and what is closest to each.
const CLOSEST: [(&str, &str); 12] = [
    ("bool", "boolean"),
    ("int", "bigint"),
    ("char", "text"),
    ("clob", "text"),
    ("text", "text"),
    ("uuid", "uuid"),
    ("json", "jsonb"),
    ("time", "timestamp with time zone"),
    ("date", "timestamp with time zone"),
    ("real", "double precision"),
    ("floa", "double precision"),
    ("doub", "double precision"),
];

/// Translates a catalog.
pub(super) fn translated(mut catalog: Catalog) -> Result<Catalog> {
    let kinds = Kinds::provisioned(&catalog)?;
    let keys: BTreeMap<String, Vec<String>> = catalog
        .tables
        .iter()
        .map(|(name, table)| (name.clone(), table.primary_key.clone()))
        .collect();
    for table in catalog.tables.values_mut() {
        foreign_keys(table, &keys);
        for index in table.indexes.values_mut() {
            let is_descending = |token: &Token| *token == Token::Word("desc".to_owned());
            index.order = tokens(&index.definition).iter().any(is_descending);
        }
        let checks = std::mem::take(&mut table.checks);
        let strict = Token::Word("strict".to_owned());
        let is_strict = table.definitions.iter().any(|text| tokens(text).contains(&strict));
        table.definitions = if is_strict { Vec::new() } else { vec!["not STRICT".to_owned()] };
        let mut rest = checks;
        for column in &mut table.columns {
            table.checks.extend(kinds.translate(column, &mut rest));
        }
        table.checks.extend(rest);
    }
    Ok(catalog)
}

/// Completes the foreign keys by what only the definitions show.
fn foreign_keys(table: &mut Table, keys: &BTreeMap<String, Vec<String>>) {
    let columns = table.columns.iter().map(|column| &column.definition);
    let all: Vec<&String> = columns.chain(&table.definitions).collect();
    let is_of = |text: &str, key: &ForeignKey| {
        let words = tokens(text);
        let has = |name: &String| {
            words.contains(&Token::Word(name.to_lowercase()))
                || words.contains(&Token::Word(name.clone()))
        };
        has(&"references".to_owned()) && has(&key.target) && key.columns.iter().all(has)
    };
    for key in table.foreign_keys.values_mut() {
        if key.target_columns.is_empty() {
            key.target_columns = keys.get(&key.target).cloned().unwrap_or_default();
        }
        let is_deferred =
            |text: &&&String| text.to_ascii_uppercase().contains("INITIALLY DEFERRED");
        key.deferred = all.iter().filter(is_deferred).any(|text| is_of(text, key));
    }
}

/// A type of ours.
struct Kind {
    /// The storage class in a file.
    storage: String,
    /// The column of the candidate.
    column: String,
    /// Its check.
    check: String,
    /// The type as PostgreSQL prints it.
    type_name: String,
    /// The range that the type of PostgreSQL does not have.
    range: Option<(String, String)>,
}

/// The types of ours.
struct Kinds {
    known: Vec<Kind>,
    /// The default of a field that is the current time.
    now: Vec<Token>,
}

impl Kinds {
    /// Provisions a table with a column of each type, and of each number of digits that the checks
    /// of the catalog may have.
    fn provisioned(catalog: &Catalog) -> Result<Self> {
        let mut fields = Map::new();
        let mut types = Vec::new();
        let mut add = |mut members: Value, type_name: String, range: Option<(&str, &str)>| {
            let owned = |(least, most): (&str, &str)| (least.to_owned(), most.to_owned());
            if let Some(members) = members.as_object_mut() {
                members.insert("isOptional".to_owned(), false.into());
                members.insert("isIndexed".to_owned(), false.into());
            }
            fields.insert(format!("field{}", types.len()), members);
            types.push((type_name, range.map(owned)));
        };
        for (kind, format, type_name, range) in KINDS {
            let members = match format {
                Some(format) => json!({ "type": kind, "format": format }),
                None => json!({ "type": kind }),
            };
            add(members, type_name.to_owned(), range);
        }
        for (format, type_name) in TEXTS {
            add(json!({ "type": "string", "format": format }), type_name.to_owned(), None);
        }
        for (precision, scale) in digits(catalog) {
            let members = json!({ "type": "string", "format": "decimal", "precision": precision,
                "scale": scale });
            add(members, format!("numeric({precision},{scale})"), None);
        }
        let model = json!({ "fields": fields, "relations": {}, "tenancy": { "kind": "none" } });
        let document = json!({ "v": 3, "models": { "probe": model }, "identityRoles": [] });
        let read = json::read(&document.to_string());
        let existing = Existing { layout: Layout::CURRENT, foreign_keys: true };
        let memory = Connection::open_in_memory()?;
        if let Some(schema) = &read.schema {
            memory.execute_batch(&provision_in(existing, schema).transaction)?;
        }
        let found = introspect::read_catalog(&memory)?.tables.remove("probe").unwrap_or_default();
        let mut known = Vec::new();
        for (at, (type_name, range)) in types.into_iter().enumerate() {
            let Some(column) = found.column(&format!("field{at}")) else { continue };
            let own = |check: &&Check| check.columns == [column.name.as_str()];
            let Some(check) = found.checks.values().find(own) else { continue };
            let storage = column.type_name.clone();
            let (check, column) = (check.condition.clone(), column.name.clone());
            known.push(Kind { storage, column, check, type_name, range });
        }
        let created = found.column("created_at").and_then(|column| column.default.as_deref());
        Ok(Self { known, now: created.map(tokens).unwrap_or_default() })
    }

    /// Gives a column the name of its type, and takes the check that follows from it. Returns the
    /// rule that a pull reads instead.
    fn translate(
        &self,
        column: &mut Column,
        checks: &mut BTreeMap<String, Check>,
    ) -> Option<(String, Check)> {
        column.collation = collation(&column.definition);
        let is_now = |text: &String| tokens(text) == self.now;
        if column.default.as_ref().is_some_and(is_now) {
            column.default = Some("now()".to_owned());
        }
        let own: Vec<String> = checks
            .iter()
            .filter(|(_, check)| check.columns == [column.name.as_str()])
            .map(|(name, _)| name.clone())
            .collect();
        for name in own {
            let Some(check) = checks.get(&name) else { continue };
            let storage = column.type_name.clone();
            let (meaning, own) = (tokens(&check.condition), quoted(&column.name).to_string());
            let is_kind = |kind: &&Kind| {
                let check = kind.check.replace(&quoted(&kind.column).to_string(), &own);
                kind.storage.eq_ignore_ascii_case(&storage) && tokens(&check) == meaning
            };
            let condition = match self.known.iter().find(is_kind) {
                Some(Kind { type_name, range, .. }) => {
                    column.type_name.clone_from(type_name);
                    range
                        .as_ref()
                        .map(|(least, most)| format!("{own} >= {least} AND {own} <= {most}"))
                }
                None => match one_of(&meaning, &column.name) {
                    Some(condition) => Some(condition),
                    None => continue,
                },
            };
            let check = checks.remove(&name)?;
            self.finish(column);
            return condition.map(|condition| (name, Check { condition, ..check }));
        }
        self.finish(column);
        None
    }

    /// Names the type of a column that no check has named.
    fn finish(&self, column: &mut Column) {
        let boolean = |text: &str| match text {
            "0" => "false".to_owned(),
            "1" => "true".to_owned(),
            other => other.to_owned(),
        };
        if column.type_name == "boolean" {
            column.default = column.default.as_deref().map(boolean);
        }
        let plain = [("TEXT", "text"), ("INTEGER", "bigint"), ("REAL", "double precision")];
        if let Some((_, name)) = plain.iter().find(|(storage, _)| *storage == column.type_name) {
            column.type_name = (*name).to_owned();
            return;
        }
        let is_ours = self.known.iter().any(|kind| kind.type_name == column.type_name);
        let name = column.type_name.to_ascii_lowercase();
        let closest = CLOSEST.iter().find(|(part, _)| name.contains(part)).map(|(_, to)| *to);
        if !is_ours {
            column.domain_of = closest.map(str::to_owned);
        }
    }
}

/// Returns the collation in the definition of a column.
fn collation(definition: &str) -> Option<String> {
    const WORD: &str = " COLLATE ";
    let at = definition.to_ascii_uppercase().find(WORD)? + WORD.len();
    let name = definition.get(at..)?.split_whitespace().next()?;
    Some(name.trim_matches('"').to_owned())
}

/// Returns a check of listed values as PostgreSQL prints it.
fn one_of(meaning: &[Token], column: &str) -> Option<String> {
    let [Token::Word(name), Token::Word(word), values @ ..] = meaning else { return None };
    if !name.eq_ignore_ascii_case(column) || word != "in" {
        return None;
    }
    let text = |token: &Token| match token {
        Token::Value(text) => Some(format!("'{}'", text.replace('\'', "''"))),
        Token::Sign(',') => Some(",".to_owned()),
        _ => None,
    };
    let values: String = values.iter().map(text).collect::<Option<_>>()?;
    Some(format!("{} = ANY (ARRAY[{values}])", quoted(column)))
}

/// Returns the precisions and scales that checks of the catalog may be of.
fn digits(catalog: &Catalog) -> Vec<(u16, u16)> {
    let mut found = Vec::new();
    for check in catalog.tables.values().flat_map(|table| table.checks.values()) {
        let numbers: Vec<u16> = tokens(&check.condition)
            .iter()
            .filter_map(|token| match token {
                Token::Value(text) => text.parse().ok(),
                _ => None,
            })
            .collect();
        let Some(scale) = numbers.last().copied() else { continue };
        for before in numbers.iter().map(|number| number.saturating_sub(1)).chain([0]) {
            let digits = (before.saturating_add(scale), scale);
            if (1..=1000).contains(&digits.0) && !found.contains(&digits) {
                found.push(digits);
            }
        }
    }
    found
}
