//! `ablo pull`: writes a schema from the tables of a database.

use super::migrate::write;
use crate::args::Document;
use crate::args::database::PullArgs;
use crate::database;
use crate::finding::{Exit, Failure, Report};
use crate::outcome::{Outcome, counted};
use ablo_migrate::plan::{SchemaOrigin, read_schema};
use ablo_migrate::pull::{PullOptions, Pulled, pull};
use ablo_migrate::{Dialect, IfMissing};

pub(crate) fn run(args: &PullArgs) -> Result<Outcome, Failure> {
    let address = database::address(args.database_url.as_deref())?;
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let mut database = database::connect(&address, &args.schema, IfMissing::Fail)?;
    let options = PullOptions {
        tenancy_column: args.tenancy_column.clone(),
        no_row_security: database.dialect() == Dialect::Sqlite,
        tables: args.tables.clone(),
        exclude: args.exclude.clone(),
    };
    let Pulled { document, findings } =
        pull(&database.catalog_to_pull().map_err(failed)?, &options);
    // Check that other commands can read the document.
    let schema = read_schema(&document, SchemaOrigin::Pull).map_err(failed)?;
    let mut outcome = match args.document {
        Document::Json => Outcome::text(document),
        #[cfg(feature = "rust")]
        Document::Rust => super::schema::rust(&schema),
    };
    if !findings.is_empty() {
        outcome.exit = Exit::Errors;
        outcome
            .reports
            .insert(0, Report::about(None, findings.iter().map(database::finding).collect()));
    }
    if let Some(path) = &args.out {
        write(path, &std::mem::take(&mut outcome.text))?;
        outcome.remark =
            format!("{} in {}\n", counted(schema.models().len(), "model"), path.display());
    }
    Ok(outcome)
}
