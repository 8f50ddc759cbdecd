//! An engine with a store of either kind, without HTTP.

use crate::postgres::{Database, Server};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_schema::Schema;
use ablo_server::engine::Engine;
use ablo_server::engine::claims::{self, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};
use ablo_server::engine::commit::{ClaimInUse, Commit, commit, commit_with_others};
use ablo_server::engine::credentials::{self, CredentialKind, Mode, NewCredential};
use ablo_server::engine::exits::Visible;
use ablo_server::engine::log::{self, Delta};
use ablo_server::engine::plan::plan;
use ablo_server::engine::read::{self, BootstrapQuery, ListQuery, Page};
use ablo_server::error::{EngineError, StoreError};
use ablo_server::identity::{Holder, HolderName, Identity, Operations, organization_group};
use ablo_server::store::{DbPath, Postgres, Sqlite, Store, Tenant, Tx};
use ablo_wire::{CommitReceipt, Operation, ParticipantKind, Query, RawRow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Defines each function as a test on both stores: `name::sqlite` and `name::postgres`.
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

/// The database behind a store.
enum Home {
    File(tempfile::TempDir),
    Server(Database<'static>),
}

/// An engine with its store.
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

/// Returns a user of `acme` with access to all rows.
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
        holder: Holder::Named(HolderName::new(name).expect("a name")),
    }
}

/// Returns the error code of a refused request.
///
/// # Panics
/// Panics if the result is `Ok`.
#[must_use]
pub fn code<T: std::fmt::Debug>(result: Result<T, EngineError>) -> String {
    result.expect_err("a refusal").into_api_error().code().to_owned()
}

/// Creates a request for a claim of one minute.
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
        connection: None,
    }
}

/// Parses a row, for comparisons that ignore the order of members.
///
/// # Panics
/// Panics if the text is not JSON.
#[must_use]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl World {
    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Creates a world with an SQLite file.
    ///
    /// # Panics
    /// Panics if the file cannot be created.
    #[must_use]
    pub fn sqlite(schema: &str) -> Self {
        Self::new(schema, Home::File(tempfile::tempdir().expect("a folder")))
    }

    /// Creates a world with a PostgreSQL database whose owner is subject to row security.
    ///
    /// # Panics
    /// Panics if PostgreSQL is not installed.
    #[must_use]
    pub fn postgres(schema: &str) -> Self {
        // The driver blocks, which is not allowed on a thread of the test's runtime.
        let database =
            std::thread::spawn(|| Server::shared().database()).join().expect("a database");
        Self::new(schema, Home::Server(database))
    }

    /// Creates a world per kind of store.
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

    /// Opens the same database again, like a second process.
    #[must_use]
    pub fn another_store(&self) -> Arc<dyn Store> {
        open(&self.schema, &self.home)
    }

    /// Opens the same database in a second coordinator, which only PostgreSQL supports.
    #[must_use]
    pub fn second_instance(&self) -> Option<Self> {
        let Home::Server(database) = &self.home else { return None };
        let (engine, store) = (Arc::clone(&self.engine), self.another_store());
        let home = Home::Server(database.clone());
        Some(Self { engine, store, schema: self.schema.clone(), home, commits: AtomicU32::new(0) })
    }

    /// Restarts the store.
    #[must_use]
    pub fn restarted(self) -> Self {
        let Self { engine, store, schema, home, commits } = self;
        drop(store);
        Self { store: open(&schema, &home), engine, schema, home, commits }
    }

    /// Returns the path of the SQLite file.
    #[must_use]
    pub fn file(&self) -> Option<std::path::PathBuf> {
        match &self.home {
            Home::File(folder) => Some(folder.path().join("rows.db")),
            Home::Server(_) => None,
        }
    }

    /// Returns the PostgreSQL database.
    #[must_use]
    pub fn database(&self) -> Option<&Database<'static>> {
        match &self.home {
            Home::File(_) => None,
            Home::Server(database) => Some(database),
        }
    }

    /// Runs a writing job.
    ///
    /// # Errors
    /// Returns the error of the job.
    pub async fn write<T, J>(&self, who: &Identity, mut job: J) -> Result<T, EngineError>
    where
        T: Send + 'static,
        J: FnMut(&Engine, &mut Tx<'_>, &Identity) -> Result<T, EngineError> + Send + 'static,
    {
        let (engine, who) = (Arc::clone(&self.engine), who.clone());
        self.store
            .writing(Tenant::Organization(who.organization.clone()), move |tx| {
                job(&engine, tx, &who)
            })
            .await
    }

    /// Runs a reading job.
    ///
    /// # Errors
    /// Returns the error of the job.
    pub async fn read<T, J>(&self, who: &Identity, mut job: J) -> Result<T, EngineError>
    where
        T: Send + 'static,
        J: FnMut(&Engine, &mut Tx<'_>, &Identity) -> Result<T, EngineError> + Send + 'static,
    {
        let (engine, who) = (Arc::clone(&self.engine), who.clone());
        self.store
            .reading(Tenant::Organization(who.organization.clone()), move |tx| {
                job(&engine, tx, &who)
            })
            .await
    }

    /// Commits operations under a new id.
    ///
    /// # Errors
    /// Returns an error if the commit is refused.
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
    /// Returns an error if the commit is refused.
    ///
    /// # Panics
    /// Panics if `operations` is not a list of operations.
    pub async fn commit_as(
        &self,
        who: &Identity,
        id: &str,
        operations: &str,
    ) -> Result<CommitReceipt, EngineError> {
        let made = self.try_plan(who, id, operations)?;
        self.write(who, move |engine, tx, who| commit(engine, tx, who, &made)).await
    }

    /// Commits operations as a client does: in one transaction with other commits that wait.
    ///
    /// # Errors
    /// Returns an error if the commit is refused, or if the participant has no credential.
    ///
    /// # Panics
    /// Panics if `operations` is not a list of operations.
    pub async fn commit_with_others(
        &self,
        who: &Identity,
        operations: &str,
    ) -> Result<CommitReceipt, EngineError> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let made = self.try_plan(who, &format!("tx-{number}"), operations)?;
        commit_with_others(&*self.store, &self.engine, who, made).await
    }

    /// Returns a user of `acme` with access to all rows and a stored credential.
    ///
    /// # Panics
    /// Panics if the credential cannot be stored.
    pub async fn known_user(&self, name: &str) -> Identity {
        let mut who = user(name);
        let grant = NewCredential {
            kind: CredentialKind::Ephemeral,
            organization: who.organization.clone(),
            participant: who.participant.clone(),
            participant_kind: who.kind.clone(),
            on_behalf_of: None,
            operations: who.operations.clone(),
            groups: who.groups.clone(),
            user_meta: serde_json::Map::new(),
            label: None,
            full_reach: true,
            parent: None,
            ttl: None,
            not_after: None,
        };
        let issue = move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| {
            credentials::issue(tx, Mode::Test, &grant)
        };
        who.capability = self.write(&who, issue).await.expect("a credential").id;
        who
    }

    /// Checks the operations of a commit.
    ///
    /// # Panics
    /// Panics if `operations` is not a list of valid operations.
    #[must_use]
    pub fn planned(&self, who: &Identity, id: &str, operations: &str) -> Commit {
        self.try_plan(who, id, operations).expect("valid operations")
    }

    fn try_plan(&self, who: &Identity, id: &str, operations: &str) -> Result<Commit, EngineError> {
        let operations: Vec<Operation<RawRow>> =
            serde_json::from_str(operations).expect("operations");
        let changes = plan(&self.engine.models, who, &operations)?;
        let request_hash =
            blake3::hash(serde_json::to_string(&operations).expect("JSON").as_bytes())
                .to_hex()
                .to_string();
        let claim = ClaimInUse::None;
        Ok(Commit { client_tx_id: id.to_owned(), changes, request_hash, caused_by: None, claim })
    }

    /// Lists one page of rows.
    ///
    /// # Errors
    /// Returns an error if the request is refused.
    ///
    /// # Panics
    /// Panics if the model does not exist.
    pub async fn list(
        &self,
        who: &Identity,
        model: &str,
        query: ListQuery,
    ) -> Result<Page, EngineError> {
        let model = model.to_owned();
        let job = move |engine: &Engine, tx: &mut Tx<'_>, who: &Identity| {
            read::list(engine, tx, who, engine.models.find(&model).expect("a model"), &query)
        };
        self.read(who, job).await
    }

    /// Reads one row.
    ///
    /// # Errors
    /// Returns an error if the request is refused.
    ///
    /// # Panics
    /// Panics if the model does not exist.
    pub async fn retrieve(
        &self,
        who: &Identity,
        model: &str,
        id: &str,
    ) -> Result<Option<String>, EngineError> {
        let (model, id) = (model.to_owned(), id.to_owned());
        let job = move |engine: &Engine, tx: &mut Tx<'_>, who: &Identity| {
            let model = engine.models.find(&model).expect("a model");
            Ok(read::retrieve(engine, tx, who, model, &id)?.0.map(Visible::into_inner))
        };
        self.read(who, job).await
    }

    /// Runs a query, given as JSON.
    ///
    /// # Errors
    /// Returns an error if the query is refused.
    ///
    /// # Panics
    /// Panics if `query` is not a query.
    pub async fn query(&self, who: &Identity, query: &Value) -> Result<Vec<String>, EngineError> {
        let query: Query = serde_json::from_value(query.clone()).expect("a query");
        let job = move |engine: &Engine, tx: &mut Tx<'_>, who: &Identity| {
            Ok(texts(read::query(engine, tx, who, &query)?))
        };
        self.read(who, job).await
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// Returns an error if the request is refused.
    pub async fn bootstrap(
        &self,
        who: &Identity,
    ) -> Result<BTreeMap<String, Vec<String>>, EngineError> {
        self.read(who, |engine, tx, who| {
            let models = read::bootstrap(engine, tx, who, &BootstrapQuery::default())?.0;
            Ok(models.into_iter().map(|(name, rows)| (name, texts(rows))).collect())
        })
        .await
    }

    /// Reads the sync log after a sync id.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub async fn log(&self, who: &Identity, after: u64) -> Result<Vec<Delta>, EngineError> {
        self.read(who, move |_, tx, who| Ok(log::since(tx, &who.organization, after, 10_000)?))
            .await
    }

    /// Requests a claim.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    ///
    /// # Panics
    /// Panics if the model does not exist.
    pub async fn claim(
        &self,
        who: &Identity,
        model: &str,
        ask: ClaimRequest,
    ) -> Result<ClaimOutcome, EngineError> {
        let model = model.to_owned();
        let job = move |engine: &Engine, tx: &mut Tx<'_>, who: &Identity| {
            claims::begin(engine, tx, who, engine.models.find(&model).expect("a model"), &ask)
        };
        self.write(who, job).await
    }

    /// Releases a claim.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub async fn abandon(&self, who: &Identity, id: &str) -> Result<bool, EngineError> {
        let id = id.to_owned();
        self.write(who, move |engine, tx, who| Ok(claims::abandon(tx, who, &engine.models, &id)?))
            .await
    }

    /// Reads the claim queue of a row. `model` is the model's key.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub async fn claim_queue(
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

fn texts(rows: Vec<Visible>) -> Vec<String> {
    rows.into_iter().map(Visible::into_inner).collect()
}

fn open(schema: &Schema, home: &Home) -> Arc<dyn Store> {
    match home {
        Home::File(folder) => {
            let path = DbPath::File(folder.path().join("rows.db"));
            let began = Instant::now();
            loop {
                match Sqlite::open(&path, schema) {
                    // A coordinator that was dropped lets go of its file a moment later.
                    Err(StoreError::InUse(_)) if began.elapsed() < Duration::from_secs(10) => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    opened => break Arc::new(opened.expect("a store")),
                }
            }
        }
        Home::Server(database) => Arc::new(
            Postgres::open(&database.address(), schema, &PostgresOptions::default())
                .expect("a store"),
        ),
    }
}
