//! `ablo schema`: the canonical form, and the hashes.

use crate::args::InputArgs;
use crate::finding::Stop;
use crate::outcome::Outcome;
use crate::{input, settings};
use ablo_schema::{Hashes, Schema, canonical, hash};
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
fn read(args: &InputArgs) -> Result<Schema, Stop> {
    input::read(&settings::schema_path(args)?)?.schema()
}
