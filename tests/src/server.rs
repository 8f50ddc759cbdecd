//! A coordinator without a socket: a schema comes in, a store with an engine on it comes out, one of each kind.

use crate::postgres::{Database, Server};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_schema::Schema;
use ablo_server::engine::Engine;
use ablo_server::engine::claims::{self, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};
use ablo_server::engine::commit::{Commit, commit};
use ablo_server::engine::log::{self, Delta};
use ablo_server::engine::plan::plan;
use ablo_server::engine::read::{self, ListQuery, Page};
use ablo_server::error::EngineError;
use ablo_server::identity::{Identity, Operations, organization_group};
use ablo_server::store::{DbPath, Postgres, Sqlite, Store, Tenant, Tx};
use ablo_wire::{CommitReceipt, Operation, ParticipantKind, Query, RawRow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes of each function a test on either store: `name::sqlite` and `name::postgres`.
#[macro_export]
macro_rules! on_both_stores {
    ($schema:expr; $($name:ident)*) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name($crate::server::World::sqlite($schema)).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$name($crate::server::World::postgres($schema)).await;
            }
        }
    )*};
}

/// Where a store keeps its rows.
enum Home {
    File(tempfile::TempDir),
    Server(Database<'static>),
}

/// A store with an engine on it.
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The store.
    pub store: Arc<dyn Store>,
    schema: Schema,
    home: Home,
    commits: AtomicU32,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("dialect", &self.store.dialect()).finish_non_exhaustive()
    }
}

/// A user of `acme` who sees everything.
#[must_use]
pub fn user(name: &str) -> Identity {
    Identity {
        organization: "acme".to_owned(),
        participant: name.to_owned(),
        kind: ParticipantKind::User,
        on_behalf_of: None,
        capability: "cap".to_owned(),
        operations: Operations::All,
        groups: BTreeSet::from([organization_group("acme")]),
        user_meta: "{}".to_owned(),
        expires_at: None,
    }
}

/// The code of a refusal.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn code<T: std::fmt::Debug>(result: Result<T, EngineError>) -> String {
    result.expect_err("a refusal").into_api_error().code().to_owned()
}

/// A request for a claim of a minute.
#[must_use]
pub fn ask(id: &str, row: &str, queue: bool) -> ClaimRequest {
    ClaimRequest {
        id: id.to_owned(),
        row: row.to_owned(),
        action: "editing".to_owned(),
        description: None,
        detail: ClaimDetail::default(),
        ttl: 60_000,
        queue,
    }
}

/// A row as a value, in which the order of members says nothing.
///
/// # Panics
/// When it is no JSON.
#[must_use]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl World {
    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// On an SQLite file.
    ///
    /// # Panics
    /// When there is no room for one.
    #[must_use]
    pub fn sqlite(schema: &str) -> Self {
        Self::new(schema, Home::File(tempfile::tempdir().expect("a folder")))
    }

    /// On a PostgreSQL server, as an owner who is bound by row security.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn postgres(schema: &str) -> Self {
        // The driver blocks, which a thread of the test's runtime may not.
        let database =
            std::thread::spawn(|| Server::shared().database()).join().expect("a database");
        Self::new(schema, Home::Server(database))
    }

    /// One of each kind.
    #[must_use]
    pub fn both(schema: &str) -> [Self; 2] {
        [Self::sqlite(schema), Self::postgres(schema)]
    }

    fn new(schema: &str, home: Home) -> Self {
        let schema = crate::postgres::schema(schema);
        let store = open(&schema, &home);
        let engine = Arc::new(Engine::new(&schema, store.dialect()));
        Self { engine, store, schema, home, commits: AtomicU32::new(0) }
    }

    /// Another process on the same database.
    #[must_use]
    pub fn another_store(&self) -> Arc<dyn Store> {
        open(&self.schema, &self.home)
    }

    /// The same database in another process, where its kind allows that.
    #[must_use]
    pub fn beside(&self) -> Option<Self> {
        let Home::Server(database) = &self.home else { return None };
        let (engine, store) = (Arc::clone(&self.engine), self.another_store());
        let home = Home::Server(database.clone());
        Some(Self { engine, store, schema: self.schema.clone(), home, commits: AtomicU32::new(0) })
    }

    /// The same database after a restart.
    #[must_use]
    pub fn restarted(self) -> Self {
        let Self { engine, store, schema, home, commits } = self;
        drop(store);
        Self { store: open(&schema, &home), engine, schema, home, commits }
    }

    /// The file behind it, where that is one.
    #[must_use]
    pub fn file(&self) -> Option<std::path::PathBuf> {
        match &self.home {
            Home::File(folder) => Some(folder.path().join("rows.db")),
            Home::Server(_) => None,
        }
    }

    /// The database behind it, where that is a server's.
    #[must_use]
    pub fn database(&self) -> Option<&Database<'static>> {
        match &self.home {
            Home::File(_) => None,
            Home::Server(database) => Some(database),
        }
    }

    /// Runs a job that writes.
    ///
    /// # Errors
    /// What the job gave.
    pub async fn write<T: Send + 'static>(
        &self,
        who: &Identity,
        mut job: impl FnMut(&Engine, &mut dyn Tx, &Identity) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (engine, who) = (Arc::clone(&self.engine), who.clone());
        self.store
            .writing(Tenant::Organization(who.organization.clone()), move |tx| {
                job(&engine, tx, &who)
            })
            .await
    }

    /// Runs a job that reads.
    ///
    /// # Errors
    /// What the job gave.
    pub async fn read<T: Send + 'static>(
        &self,
        who: &Identity,
        mut job: impl FnMut(&Engine, &mut dyn Tx, &Identity) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (engine, who) = (Arc::clone(&self.engine), who.clone());
        self.store
            .reading(Tenant::Organization(who.organization.clone()), move |tx| {
                job(&engine, tx, &who)
            })
            .await
    }

    /// Commits operations under an id that was not used before.
    ///
    /// # Errors
    /// Why they are refused.
    pub async fn commit(
        &self,
        who: &Identity,
        operations: &str,
    ) -> Result<CommitReceipt, EngineError> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_as(who, &format!("tx-{number}"), operations).await
    }

    /// Commits operations.
    ///
    /// # Errors
    /// Why they are refused.
    ///
    /// # Panics
    /// When they are none.
    pub async fn commit_as(
        &self,
        who: &Identity,
        id: &str,
        operations: &str,
    ) -> Result<CommitReceipt, EngineError> {
        let operations: Vec<Operation<RawRow>> =
            serde_json::from_str(operations).expect("operations");
        let changes = plan(&self.engine.models, who, &operations)?;
        let body_hash = blake3::hash(serde_json::to_string(&operations).expect("JSON").as_bytes())
            .to_hex()
            .to_string();
        let made = Commit {
            client_tx_id: id.to_owned(),
            changes,
            body_hash,
            caused_by: None,
            claim: None,
        };
        self.write(who, move |engine, tx, who| commit(engine, tx, who, &made)).await
    }

    /// A page of a model.
    ///
    /// # Errors
    /// Why it is refused.
    ///
    /// # Panics
    /// When there is no such model.
    pub async fn list(
        &self,
        who: &Identity,
        model: &str,
        query: ListQuery,
    ) -> Result<Page, EngineError> {
        let model = model.to_owned();
        let job = move |engine: &Engine, tx: &mut dyn Tx, who: &Identity| {
            read::list(engine, tx, who, engine.models.find(&model).expect("a model"), &query)
        };
        self.read(who, job).await
    }

    /// One row.
    ///
    /// # Errors
    /// Why it is refused.
    ///
    /// # Panics
    /// When there is no such model.
    pub async fn retrieve(
        &self,
        who: &Identity,
        model: &str,
        id: &str,
    ) -> Result<Option<String>, EngineError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        let job = move |engine: &Engine, tx: &mut dyn Tx, who: &Identity| {
            let model = engine.models.find(&model).expect("a model");
            Ok(read::retrieve(engine, tx, who, model, &id)?.0)
        };
        self.read(who, job).await
    }

    /// The rows of a query, which is given as JSON.
    ///
    /// # Errors
    /// Why it is refused.
    ///
    /// # Panics
    /// When it is no query.
    pub async fn query(&self, who: &Identity, query: &Value) -> Result<Vec<String>, EngineError> {
        let query: Query = serde_json::from_value(query.clone()).expect("a query");
        self.read(who, move |engine, tx, who| read::query(engine, tx, who, &query)).await
    }

    /// A snapshot.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn bootstrap(
        &self,
        who: &Identity,
    ) -> Result<BTreeMap<String, Vec<String>>, EngineError> {
        self.read(who, |engine, tx, who| Ok(read::bootstrap(engine, tx, who, None)?.0)).await
    }

    /// The log after a place.
    ///
    /// # Errors
    /// What the database said.
    pub async fn log(&self, who: &Identity, after: u64) -> Result<Vec<Delta>, EngineError> {
        self.read(who, move |_, tx, who| Ok(log::since(tx, &who.organization, after, 10_000)?))
            .await
    }

    /// Asks for a row of a model.
    ///
    /// # Errors
    /// What the database said.
    ///
    /// # Panics
    /// When there is no such model.
    pub async fn claim(
        &self,
        who: &Identity,
        model: &str,
        ask: ClaimRequest,
    ) -> Result<ClaimOutcome, EngineError> {
        let model = model.to_owned();
        let job = move |engine: &Engine, tx: &mut dyn Tx, who: &Identity| {
            claims::begin(engine, tx, who, engine.models.find(&model).expect("a model"), &ask)
        };
        self.write(who, job).await
    }

    /// Gives a claim up.
    ///
    /// # Errors
    /// What the database said.
    pub async fn abandon(&self, who: &Identity, id: &str) -> Result<bool, EngineError> {
        let id = id.to_owned();
        self.write(who, move |engine, tx, who| Ok(claims::abandon(tx, who, &engine.models, &id)?))
            .await
    }

    /// Who holds a row of a model, by its key, and who waits.
    ///
    /// # Errors
    /// What the database said.
    pub async fn line(
        &self,
        who: &Identity,
        model: &str,
        row: &str,
    ) -> Result<ClaimQueue, EngineError> {
        let (model, row) = (model.to_owned(), row.to_owned());
        self.read(who, move |_, tx, who| {
            Ok(claims::claim_queue(tx, &who.organization, &model, &row)?)
        })
        .await
    }
}

fn open(schema: &Schema, home: &Home) -> Arc<dyn Store> {
    match home {
        Home::File(folder) => Arc::new(
            Sqlite::open(&DbPath::File(folder.path().join("rows.db")), schema).expect("a store"),
        ),
        Home::Server(database) => Arc::new(
            Postgres::open(&database.address(), schema, &PostgresOptions::default())
                .expect("a store"),
        ),
    }
}
