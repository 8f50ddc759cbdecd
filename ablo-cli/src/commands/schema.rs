//! `ablo schema`: the canonical form, and the hashes.

use crate::args::InputArgs;
use crate::finding::{Exit, Report, Stop};
use crate::outcome::Outcome;
use crate::{settings, source};
use ablo_schema::{Hashes, Schema, canonical, front, hash};
use serde_json::{Map, Value};

pub(crate) fn print(input: &InputArgs) -> Result<Outcome, Stop> {
    let schema = read(input)?;
    Ok(Outcome::text(canonical::print(&schema) + "\n"))
}

pub(crate) fn hash(input: &InputArgs) -> Result<Outcome, Stop> {
    let schema = read(input)?;
    let hashes = Hashes::of(&schema);
    let models: Map<_, _> =
        hash::of_models(&schema).iter().map(|(key, hash)| (key.to_string(), hash.to_string().into())).collect();
    let all = Map::from_iter([
        ("schemaHash".to_owned(), hashes.schema.to_string().into()),
        ("contentHash".to_owned(), hashes.content.to_string().into()),
        ("models".to_owned(), models.into()),
    ]);
    Ok(Outcome::text(format!("{}\n", Value::from(all))))
}

/// Warnings are for `check` to tell: what these commands print is for programs.
fn read(input: &InputArgs) -> Result<Schema, Stop> {
    let source = source::read(&settings::schema_path(input)?)?;
    let read = front::json::read(&source.text);
    read.schema.ok_or_else(|| Stop::new(Exit::Errors, Report::of_schema(source, &read.diagnostics)))
}
