//! `ablo source`: tests and serves Data Sources, and installs triggers.

mod report;
mod test;

use super::hosting::{
    self, failure, listen, source_keys, sqlite_path, stop_signal, store_failure, system_failure,
};
use crate::args::source::{ServeSourceArgs, SourceCommand, TablesArgs, TriggersArgs};
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use crate::{database, input, render, settings};
use ablo_migrate::{Dialect, IfMissing, dialect_of};
use ablo_schema::Schema;
use ablo_server::DbPath;
use ablo_server::adapter::{Adapter, AdapterError, AdapterOptions, PATH};

pub(super) fn run(command: &SourceCommand) -> Result<Outcome, Failure> {
    match command {
        SourceCommand::Test(args) => test::run(args),
        SourceCommand::Serve(args) => serve(args),
        SourceCommand::InstallTriggers(args) => install_triggers(args),
    }
}

fn schema(args: &crate::args::InputArgs) -> Result<Schema, Failure> {
    let schema = settings::schema_file(args)?;
    input::schema(&schema.path, &schema.read)
}

/// Opens the adapter.
fn adapter(args: &TablesArgs, schema: &Schema) -> Result<Adapter, Failure> {
    let address = database::address(args.database.database_url.as_deref())?;
    // Reports precisely why a connection fails.
    database::connect(&address, &args.database.layout.schema, IfMissing::Fail)?;
    let options = AdapterOptions {
        schema: Some(args.database.layout.schema.clone()),
        organization: args.organization.clone(),
    };
    let adapter = match dialect_of(&address) {
        Dialect::Sqlite => Adapter::sqlite(&DbPath::File(sqlite_path(&address)), schema, options),
        Dialect::Postgres => Adapter::postgres(&address, schema, options),
    };
    adapter.map_err(|error| match error {
        AdapterError::Store(error) => store_failure(&error),
        AdapterError::Schema(mismatch) => {
            let finding = |message| Finding::new(codes::DATA_SOURCE_SCHEMA_MISMATCH, message);
            let findings = mismatch.0.into_iter().map(finding).collect();
            Failure::new(Exit::CannotRun, Report::about(None, findings))
        }
    })
}

fn serve(args: &ServeSourceArgs) -> Result<Outcome, Failure> {
    let keys = source_keys(None)?;
    let adapter = adapter(&args.tables, &schema(&args.input)?)?;
    hosting::run(async {
        let (stop, listener) = (stop_signal()?, listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| system_failure(&error))?;
        render::note(
            &format!("serving a data source on http://{address}{PATH}"),
            args.input.format,
        );
        let endpoint = ablo_server::adapter::endpoint(adapter, keys);
        ablo_server::adapter::serve(endpoint, listener, stop)
            .await
            .map_err(|error| system_failure(&error))
    })?;
    Ok(Outcome::text(String::new()))
}

fn install_triggers(args: &TriggersArgs) -> Result<Outcome, Failure> {
    let adapter = adapter(&args.tables, &schema(&args.input)?)?;
    if args.print {
        return Ok(Outcome::text(adapter.triggers()));
    }
    hosting::run(async {
        adapter
            .install_triggers()
            .await
            .map_err(|error| failure(codes::DATA_SOURCE_TRIGGERS_FAILED, error.to_string()))
    })?;
    Ok(Outcome {
        remark: "installed triggers that record every change\n".to_owned(),
        ..Outcome::text(String::new())
    })
}
