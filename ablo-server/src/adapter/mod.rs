//! The ready-made adapter: an application's own tables as a Data Source, without a line about any model.
//!
//! A schema says which tables and columns are meant; `fit` looks how they really stand. `write` applies a commit in one transaction with
//! the ledger and the outbox, `events` gives what the outbox has in an order in which nothing comes late, `triggers` brings in what others
//! write. Reads are the coordinator's own.

mod events;
mod introspect;
mod serve;
mod triggers;
mod write;

pub use serve::{PATH, serve};

use crate::engine::data_source_log::system;
use crate::engine::{Engine, read};
use crate::error::{ApiError, EngineError, StoreError};
use crate::identity::Identity;
use crate::models::{Model, Models, Tenancy};
#[cfg(feature = "postgres")]
use crate::store::Postgres;
use crate::store::{DbPath, Sqlite, Store, Tenant, Tx};
use ablo::source::{Call, Endpoint, Error, Result, Source};
use ablo_schema::Schema;
use ablo_wire::{
    EventsAnswer, ListAnswer, Query, RawRow, SourceCommit, SourceCommitAnswer, SourceErrorCode,
    SourceEvents, SourceList, SourceLoad, SourceScope,
};
use std::fmt;
use std::sync::Arc;

/// Rows of a list where nobody says how many.
const LIST: u64 = 1000;
/// Events of a page where nobody says how many, and at most.
const EVENTS: u64 = 100;
/// Events of a page at most.
const MAX_EVENTS: u64 = 1000;

/// An application's tables as a [`Source`].
///
/// ```no_run
/// use ablo::source::Endpoint;
/// use ablo_server::adapter::{Adapter, AdapterOptions};
///
/// # fn open(schema: &ablo_schema::Schema) -> Result<(), ablo_server::adapter::AdapterError> {
/// let adapter = Adapter::postgres("postgres://app@localhost/app", schema, AdapterOptions::default())?;
/// let endpoint = Endpoint::new(adapter, ["sk_test_…"]);
/// // A service of tower: `axum::Router::new().route_service("/api/ablo/source", endpoint)`.
/// # let _ = endpoint; Ok(()) }
/// ```
pub struct Adapter {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    options: AdapterOptions,
}

/// How an adapter runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterOptions {
    /// The PostgreSQL schema of the tables; `public` where nothing is said.
    pub schema: Option<String>,
    /// The one organisation whose rows these are, for tables that do not name one; requests for others are refused.
    pub organization: Option<String>,
}

/// Why tables cannot be a Data Source: everything that does not fit, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMismatch(pub Vec<String>);

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for SchemaMismatch {}

/// The error of opening an adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterError {
    /// The database cannot be opened, or the adapter's own tables cannot be created.
    Store(StoreError),
    /// The tables do not match the schema.
    Schema(SchemaMismatch),
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Schema(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AdapterError {}

impl From<StoreError> for AdapterError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Adapter {
    /// Takes the tables of a PostgreSQL database, which `address` names as libpq does. They stay as they are; the ledger and the
    /// outbox are made beside them. Until it is dropped it holds up to nine connections.
    ///
    /// # Errors
    /// When the database cannot be opened, or what is there is not what the schema speaks of.
    #[cfg(feature = "postgres")]
    pub fn postgres(
        address: &str,
        schema: &Schema,
        options: AdapterOptions,
    ) -> Result<Self, AdapterError> {
        let made = ablo_codegen::emit::sql::postgres::Options {
            schema: options.schema.clone(),
            ..Default::default()
        };
        Self::over(Arc::new(Postgres::beside(address, &made)?), schema, options)
    }

    /// Takes the tables of an SQLite file, whose columns hold values as ablo's own tables of SQLite do. The file is kept in WAL mode.
    ///
    /// # Errors
    /// As [`Adapter::postgres`].
    pub fn sqlite(
        place: &DbPath,
        schema: &Schema,
        options: AdapterOptions,
    ) -> Result<Self, AdapterError> {
        Self::over(Arc::new(Sqlite::beside(place)?), schema, options)
    }

    fn over(
        store: Arc<dyn Store>,
        schema: &Schema,
        options: AdapterOptions,
    ) -> Result<Self, AdapterError> {
        let mut models = Models::new(schema);
        introspect::fit(&mut models, &*store, &options)?;
        Ok(Self { engine: Arc::new(Engine::of(models, store.dialect())), store, options })
    }

    /// SQL of the triggers that write every change into the outbox, whoever makes it. Running it again is safe; it wants a role that
    /// owns the tables.
    #[must_use]
    pub fn triggers(&self) -> String {
        triggers::triggers(&self.engine, self.options.schema.as_deref().unwrap_or("public"))
    }

    /// Runs [`Adapter::triggers`].
    ///
    /// # Errors
    /// What the database said.
    pub async fn install_triggers(&self) -> Result<(), EngineError> {
        let statements =
            triggers::statements(&self.engine, self.options.schema.as_deref().unwrap_or("public"));
        let run = move |tx: &mut dyn Tx| {
            for statement in &statements {
                tx.execute(statement, &[])?;
            }
            Ok(())
        };
        self.store.writing(Tenant::Nobody, run).await
    }

    /// For whom a request is made.
    fn identity(&self, scope: &SourceScope) -> Result<Identity> {
        let named = scope.organization_id.as_deref();
        let organization = match (&self.options.organization, named) {
            (Some(own), Some(named)) if own != named => {
                return Err(Error::refused(
                    SourceErrorCode::Forbidden,
                    "these are rows of another organisation",
                ));
            }
            (Some(own), _) => own.as_str(),
            (None, Some(named)) => named,
            (None, None) => {
                return Err(Error::refused(
                    SourceErrorCode::Forbidden,
                    "the request says for no organisation that it is",
                ));
            }
        };
        // Who may write what was asked by the coordinator.
        let participant = scope.participant_id.clone().unwrap_or_default();
        Ok(Identity { participant, ..system(organization) })
    }

    async fn reading<T, F>(&self, who: Identity, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut dyn Tx, &Identity) -> Result<T, EngineError> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        let tenant = Tenant::Of(who.organization.clone());
        self.store.reading(tenant, move |tx| job(&engine, tx, &who)).await.map_err(answered)
    }
}

/// An adapter behind keys of which each is good.
#[must_use]
pub fn endpoint(adapter: Adapter, keys: Vec<String>) -> Endpoint<Adapter> {
    Endpoint::new(adapter, keys)
}

impl Source for Adapter {
    async fn load(&self, call: &Call, asked: SourceLoad) -> Result<Option<RawRow>> {
        self.model(&asked.model, SourceErrorCode::LoadNotConfigured)?;
        let found = self.reading(self.identity(&call.scope)?, move |engine, tx, who| {
            let model = crate::engine::plan::find(&engine.models, &asked.model)?;
            write::current(engine, tx, who, model, &asked.id)
                .map(|row| row.map(|row| crate::engine::table::json(model, &row)))
        });
        found.await?.map(|text| parsed(&text)).transpose()
    }

    async fn list(&self, call: &Call, asked: SourceList) -> Result<ListAnswer> {
        self.model(&asked.model, SourceErrorCode::ListNotConfigured)?;
        let mut query = Query::new(asked.model);
        let wanted = asked.query.unwrap_or_default();
        (query.r#where, query.related, query.order_by, query.order) =
            (wanted.r#where, wanted.related, wanted.order_by, wanted.order);
        query.limit = Some(wanted.limit.unwrap_or(LIST).max(1));
        let cursor = wanted.cursor;
        let found = self.reading(self.identity(&call.scope)?, move |engine, tx, who| {
            read::query_page(engine, tx, who, &query, cursor.as_deref())
        });
        let (rows, next) = found.await?;
        let rows: Vec<RawRow> = rows.iter().map(|row| parsed(row)).collect::<Result<_>>()?;
        let mut answer = ListAnswer::new(rows);
        answer.next_cursor = next;
        Ok(answer)
    }

    async fn commit(&self, call: &Call, asked: SourceCommit) -> Result<SourceCommitAnswer> {
        for operation in &asked.operations {
            self.model(&operation.model, SourceErrorCode::CommitNotConfigured)?;
        }
        let who = self.identity(&call.scope)?;
        let engine = Arc::clone(&self.engine);
        let commit =
            write::Commit::new(&engine, &who, asked).map_err(|refusal| answered(refusal.into()))?;
        let tenant = Tenant::Of(who.organization.clone());
        let rows =
            self.store.writing(tenant, move |tx| write::commit(&engine, tx, &who, &commit)).await;
        let mut answer = SourceCommitAnswer::new();
        answer.rows = Some(serde_json::from_str(&rows.map_err(answered)?).map_err(Error::failed)?);
        Ok(answer)
    }

    async fn events(&self, call: &Call, asked: SourceEvents) -> Result<EventsAnswer> {
        // A coordinator of one organisation is given its own events; one that names none, all of them.
        let own = call.scope.organization_id.clone();
        if let (Some(own), Some(only)) = (&own, &self.options.organization)
            && own != only
        {
            return Err(Error::refused(
                SourceErrorCode::Forbidden,
                "these are rows of another organisation",
            ));
        }
        let only = own.or_else(|| self.options.organization.clone());
        let limit = asked.limit.unwrap_or(EVENTS).clamp(1, MAX_EVENTS);
        let cursor = asked.cursor.value().cloned();
        let engine = Arc::clone(&self.engine);
        let page = move |tx: &mut dyn Tx| {
            events::page(&engine, tx, only.as_deref(), cursor.as_deref(), limit)
        };
        self.store.reading(Tenant::Nobody, page).await.map_err(answered)
    }
}

impl Adapter {
    fn model(&self, name: &str, code: SourceErrorCode) -> Result<&Model> {
        self.engine.models.find(name).ok_or_else(|| Error::about(code, name))
    }
}

/// Whether rows of a model are kept apart by a column of their own or of a row they belong to.
fn is_shared(model: &Model) -> bool {
    model.tenancy == Tenancy::Shared
}

fn parsed(text: &str) -> Result<RawRow> {
    RawRow::parse(text).map_err(Error::failed)
}

/// A refusal as it is answered; what a database says of its own troubles stays here.
fn answered(failure: EngineError) -> Error {
    if let EngineError::Store(
        error @ (StoreError::Contended(_) | StoreError::Unavailable(_) | StoreError::Fault(_)),
    ) = failure
    {
        return Error::failed(error);
    }
    let refusal: ApiError = failure.into_refusal();
    Error::refused_with(
        SourceErrorCode::from(refusal.code().to_owned()),
        refusal.envelope().message.clone(),
        refusal.status(),
    )
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("options", &self.options).finish_non_exhaustive()
    }
}
