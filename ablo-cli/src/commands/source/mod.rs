//! `ablo source`: endpoints of Data Sources, asked, served, and helped by triggers.

mod report;
mod test;

use crate::codes;
use crate::data_source::{ServeSourceArgs, SourceCommand, TablesArgs, TriggersArgs};
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use crate::{database, input, render, settings};
use ablo_migrate::Dialect;
use ablo_schema::Schema;
use ablo_server::adapter::{Adapter, AdapterOptions, PATH};
use ablo_server::store::DbPath;

/// Where keys are.
const VARIABLE: &str = "ABLO_SOURCE_KEY";

pub(super) fn run(command: &SourceCommand) -> Result<Outcome, Failure> {
    match command {
        SourceCommand::Test(args) => test::run(args),
        SourceCommand::Serve(args) => serve(args),
        SourceCommand::InstallTriggers(args) => install_triggers(args),
    }
}

/// The keys of an organisation, the newest first; of any where none is named.
pub(super) fn keys(organization: Option<&str>) -> Result<Vec<String>, Failure> {
    let own = organization.map(|name| {
        let upper = |letter: char| {
            if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
        };
        format!("{VARIABLE}_{}", name.chars().map(upper).collect::<String>())
    });
    let named = own.iter().map(String::as_str).chain([VARIABLE]);
    let found =
        named.filter_map(|name| std::env::var(name).ok()).find(|keys| !keys.trim().is_empty());
    let keys = found.ok_or_else(|| match own {
        Some(own) => refused(&format!("neither {own} nor {VARIABLE} has a key")),
        None => refused(&format!("{VARIABLE} has no key")),
    })?;
    Ok(keys.split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect())
}

fn schema(args: &crate::args::InputArgs) -> Result<Schema, Failure> {
    input::read(&settings::schema_path(args)?)?.schema()
}

/// The tables as a source.
fn adapter(args: &TablesArgs, schema: &Schema) -> Result<Adapter, Failure> {
    let address = database::address(args.database.database_url.as_deref())?;
    let options = AdapterOptions {
        schema: Some(args.database.layout.schema.clone()),
        organization: args.organization.clone(),
    };
    let adapter = match Dialect::of(&address).map_err(|error| database::failure(&error))? {
        Dialect::Sqlite => {
            Adapter::sqlite(&DbPath::File(super::serve::file(&address)), schema, options)
        }
        Dialect::Postgres => Adapter::postgres(&address, schema, options),
    };
    adapter.map_err(|unfit| {
        let each = unfit.0.iter().map(|why| Finding::new(codes::DATA_SOURCE_REFUSED, why));
        Failure::new(Exit::CannotRun, Report::about(None, each.collect()))
    })
}

fn serve(args: &ServeSourceArgs) -> Result<Outcome, Failure> {
    let keys = keys(None)?;
    let adapter = adapter(&args.tables, &schema(&args.input)?)?;
    super::serve::run(async {
        let (stop, listener) = (super::serve::stopped()?, super::serve::listen(args.listen).await?);
        let address = listener.local_addr().map_err(|error| refused(&error.to_string()))?;
        render::note(
            &format!("serving a data source on http://{address}{PATH}"),
            args.input.format,
        );
        let endpoint = ablo_server::adapter::endpoint(adapter, keys);
        ablo_server::adapter::serve(endpoint, listener, stop)
            .await
            .map_err(|error| refused(&error.to_string()))
    })?;
    Ok(Outcome::text(String::new()))
}

fn install_triggers(args: &TriggersArgs) -> Result<Outcome, Failure> {
    let adapter = adapter(&args.tables, &schema(&args.input)?)?;
    if args.print {
        return Ok(Outcome::text(adapter.triggers()));
    }
    super::serve::run(async {
        adapter
            .install_triggers()
            .await
            .map_err(|failure| refused(&failure.into_refusal().to_string()))
    })?;
    Ok(Outcome {
        remark: "every change of the tables is told from now on\n".to_owned(),
        ..Outcome::text(String::new())
    })
}

fn refused(message: &str) -> Failure {
    Failure::new(
        Exit::CannotRun,
        Report::about(None, vec![Finding::new(codes::DATA_SOURCE_REFUSED, message)]),
    )
}
