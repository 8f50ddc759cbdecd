//! `ablo schema`: prints the canonical form or the hashes.

use crate::args::{Document, InputArgs, PrintArgs};
#[cfg(feature = "rust")]
use crate::codes;
use crate::finding::Failure;
#[cfg(feature = "rust")]
use crate::finding::{Exit, Finding, Report};
use crate::outcome::Outcome;
use crate::{input, settings};
use ablo_schema::front::json;
use ablo_schema::{Hashes, Schema, canonical, hash};
use serde_json::{Map, Value};

pub(crate) fn print(args: &PrintArgs) -> Result<Outcome, Failure> {
    let schema = read(&args.input)?;
    Ok(match args.document {
        Document::Json => Outcome::text(canonical::print(&schema) + "\n"),
        #[cfg(feature = "rust")]
        Document::Rust => rust(&schema),
    })
}

/// Prints the schema as Rust, and reports what Rust cannot express.
#[cfg(feature = "rust")]
pub(crate) fn rust(schema: &Schema) -> Outcome {
    let printed = ablo_codegen::emit::rust::source::print(schema);
    let unsaid = printed.differences.iter();
    let mut findings: Vec<Finding> =
        unsaid.map(|it| Finding::new(codes::SOURCE_UNSAID, it.message.as_str())).collect();
    if findings.is_empty() && !printed.same_hash {
        findings.push(Finding::new(
            codes::SOURCE_HASH,
            "the document declares defaults explicitly, the Rust source does not",
        ));
    }
    let mut outcome = Outcome::text(printed.text);
    if !findings.is_empty() {
        outcome.exit = Exit::Errors;
        outcome.reports = vec![Report::about(None, findings)];
    }
    outcome
}

pub(crate) fn hash(input: &InputArgs) -> Result<Outcome, Failure> {
    let schema = read(input)?;
    let hashes = Hashes::of(&schema);
    let models: Map<_, _> = hash::of_models(&schema)
        .iter()
        .map(|(key, hash)| (key.to_string(), hash.to_string().into()))
        .collect();
    let all = Map::from_iter([
        ("schemaHash".to_owned(), hashes.schema.to_string().into()),
        ("contentHash".to_owned(), hashes.content.to_string().into()),
        ("models".to_owned(), models.into()),
    ]);
    Ok(Outcome::text(format!("{}\n", Value::from(all))))
}

/// Prints the JSON Schema of Schema JSON.
pub(crate) fn json_schema() -> Outcome {
    Outcome::text(format!("{:#}\n", json::document_schema()))
}

fn read(args: &InputArgs) -> Result<Schema, Failure> {
    let schema = settings::schema_file(args)?;
    input::schema(&schema.path, &schema.read)
}
