//! `ablo capture`: triggers that record the writes of other programs.

use super::hosting::{self, failure, store_failure};
use crate::args::capture::CaptureArgs;
use crate::codes;
use crate::finding::Failure;
use crate::outcome::{Outcome, counted};
use crate::{database, input, settings};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_migrate::{Dialect, IfMissing, dialect_of};
use ablo_server::{Capture, EngineError, Postgres, StoreError};

pub(super) fn run(args: &CaptureArgs) -> Result<Outcome, Failure> {
    let file = settings::schema_file(&args.input)?;
    let schema = input::schema(&file.path, &file.read)?;
    let name = &args.database.layout.schema;
    let capture = Capture::new(&schema, name);
    if args.print {
        return Ok(Outcome::text(capture.script()));
    }
    let address = database::address(args.database.database_url.as_deref())?;
    if dialect_of(&address) == Dialect::Sqlite {
        let message = "SQLite cannot tell the coordinator's writes from those of other programs";
        return Err(failure(codes::CAPTURE_UNSUPPORTED, message));
    }
    // Reports precisely why a connection fails.
    database::connect(&address, name, IfMissing::Fail)?;
    let options = PostgresOptions { schema: Some(name.clone()), ..PostgresOptions::default() };
    let store =
        Postgres::open_existing(&address, &options).map_err(|error| store_failure(&error))?;
    hosting::run(async {
        let done = match args.remove {
            true => capture.remove(&store).await,
            false => capture.install(&store).await,
        };
        done.map_err(|error| match error {
            EngineError::Store(error @ StoreError::Unavailable(_)) => store_failure(&error),
            error => failure(codes::CAPTURE_FAILED, error.to_string()),
        })
    })?;
    let tables = counted(schema.models().len(), "table");
    let remark = match args.remove {
        true => format!("removed the triggers of {tables}\n"),
        false => format!("installed triggers on {tables} that record writes of other programs\n"),
    };
    Ok(Outcome { remark, ..Outcome::text(String::new()) })
}
