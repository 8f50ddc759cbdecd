//! The client of a coordinator: typed reads and writes, claims, streams of changes, presence and
//! sessions.
//!
//! The client is generic over [`Model`], so generated code only lists the models. Requests use
//! HTTP. Claims and presence share one WebSocket, which is opened on first use. Each stream of
//! changes has its own WebSocket. All futures may be dropped at any time.

mod changes;
mod claim;
mod commit;
mod dial;
mod error;
mod error_kind;
mod filter;
mod fresh_id;
mod http;
mod live;
mod policy;
mod presence;
mod read;
mod roster;
mod session;
mod snapshot;
mod socket;
mod token;

pub use changes::{Change, ChangeKind, Changes, Item, Subscribe};
pub use claim::{Claim, ClaimQueue, ClaimRow};
pub use commit::{Commit, CreateOne, Created, Receipt};
pub use error::{Conflict, Error, ErrorKind, Holder, Result, Stale};
pub use filter::{Condition, Equal, OrderBy};
pub use presence::Presence;
pub use read::{IfClaimed, List, Page, Query, QueryResult, Read, Retrieve};
pub use session::{NewSession, Permission, Session, Sessions};
pub use snapshot::{Snapshot, SnapshotBuilder};
pub use token::Credential;

use crate::wire::{Delta, Identity, ParticipantKind, PresenceEntry, PresenceRoster};
use crate::{Adjustment, Create, Id, Model};
use dial::Dialer;
use futures_util::future::BoxFuture;
use http::{Http, Request};
use live::Live;
use std::collections::BTreeSet;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use token::Tokens;

/// A client of a coordinator. Clones are cheap and share its connection.
///
/// ```no_run
/// # mod generated { include!("../../tests/weather.in"); }
/// # use generated::{WeatherReport, WeatherReportStatus};
/// # async fn run() -> ablo::client::Result<()> {
/// let ablo = ablo::Client::connect("https://ablo.example.com", "sk_…").await?;
/// let reports = ablo.model::<WeatherReport>();
/// let report = reports.retrieve("report_stockholm").await?;
/// if report.data.status == WeatherReportStatus::Pending {
///     let claim = reports.claim("report_stockholm").action("forecasting").await?;
///     let patch = WeatherReport::patch().forecast("Rain").status(WeatherReportStatus::Ready);
///     claim.update(patch).await?;
///     claim.release().await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

/// The state that all clones of a client share.
struct Inner {
    http: Arc<Http>,
    /// The task behind claims and presence, started on first use.
    live: OnceLock<Live>,
    http_only: bool,
    identity: Identity,
    /// The ids of the claims that this client holds or waits for.
    own_claims: Mutex<BTreeSet<String>>,
}

impl Inner {
    /// Returns the ids of the claims that this client holds or waits for.
    fn own_claims(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.own_claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the task behind claims and presence, or `None` for a client without a WebSocket.
    fn live(&self) -> Result<Option<&Live>> {
        if self.http_only {
            return Ok(None);
        }
        if let Some(live) = self.live.get() {
            return Ok(Some(live));
        }
        let started = Live::start(Arc::clone(&self.http))?;
        // If two tasks start at once, the second is dropped here and ends.
        Ok(Some(self.live.get_or_init(|| started)))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("participant", &self.identity.participant_id)
            .finish_non_exhaustive()
    }
}

/// A builder of a connection. Await it to connect.
///
/// The result is a [`Client`], or the client of a schema for `App::connect`.
#[derive(Clone, Debug)]
#[must_use = "a client connects only when this is awaited"]
pub struct Connect<C = Client> {
    url: String,
    credential: Credential,
    participant: Option<(ParticipantKind, String)>,
    http_only: bool,
    attempts: u32,
    timeout: Duration,
    dialer: Option<Dialer>,
    client: PhantomData<fn() -> C>,
}

impl<C: From<Client>> Connect<C> {
    /// Connects to a coordinator with a key or a token and reads its identity.
    pub fn new(url: impl Into<String>, credential: impl Into<Credential>) -> Self {
        let (url, credential) = (url.into(), credential.into());
        Self {
            url,
            credential,
            participant: None,
            http_only: false,
            attempts: policy::ATTEMPTS,
            timeout: policy::REQUEST_TIMEOUT,
            dialer: None,
            client: PhantomData,
        }
    }

    /// Acts as an agent: exchanges the key for a token of that agent and renews it before it
    /// expires.
    pub fn agent(mut self, id: impl Into<String>) -> Self {
        self.participant = Some((ParticipantKind::Agent, id.into()));
        self
    }

    /// Acts as a user: exchanges the key for a token of that user and renews it before it expires.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.participant = Some((ParticipantKind::User, id.into()));
        self
    }

    /// Polls for claims over HTTP instead of opening a WebSocket, for short-lived workers. Claims
    /// are granted slightly later. Streams of changes still open a WebSocket.
    pub fn http_only(mut self) -> Self {
        self.http_only = true;
        self
    }

    /// Limits how often a request is sent if it fails with a transient error. The default is 4, and
    /// 1 disables retries.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the timeout of one attempt of a request, from connecting to the end of the response:
    /// 30 seconds by default. An attempt that times out fails with `network_error` and is repeated
    /// as [`Connect::attempts`] allows.
    ///
    /// ```no_run
    /// # async fn run() -> ablo::client::Result<()> {
    /// use std::time::Duration;
    /// // A request fails after at most about ten seconds.
    /// let connect = ablo::Client::connect("https://ablo.example.com", "sk_…");
    /// let client = connect.timeout(Duration::from_secs(5)).attempts(2).await?;
    /// # Ok(()) }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects through a dialer instead of the network. It is called once for each request and
    /// each WebSocket and returns a byte stream. The address then only selects host and path.
    pub fn over<F, O, S>(mut self, dial: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = std::io::Result<S>> + Send + 'static,
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        self.dialer = Some(Dialer::new(dial));
        self
    }

    async fn run(self) -> Result<C> {
        let tokens = Tokens::new(self.credential, self.participant);
        let http =
            Arc::new(Http::new(&self.url, tokens, self.attempts, self.timeout, self.dialer)?);
        let identity: Identity = http.send(&Request::get(["auth", "identity"])).await?;
        let (live, http_only) = (OnceLock::new(), self.http_only);
        let inner = Inner { http, live, http_only, identity, own_claims: Mutex::default() };
        Ok(Client { inner: Arc::new(inner) }.into())
    }
}

impl<C: From<Client> + 'static> IntoFuture for Connect<C> {
    type Output = Result<C>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Client {
    /// Connects to a coordinator with a key or a token and reads its identity.
    pub fn connect(url: impl Into<String>, credential: impl Into<Credential>) -> Connect {
        Connect::new(url, credential)
    }

    /// Returns the participant and the sync groups of the credential.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Returns the client of one model.
    #[must_use]
    pub fn model<M: Model>(&self) -> ModelClient<M> {
        ModelClient { inner: Arc::clone(&self.inner), model: PhantomData }
    }

    /// Starts a commit of several operations.
    pub fn commit(&self) -> Commit {
        Commit::new(Arc::clone(&self.inner))
    }

    /// Starts a snapshot: a read of several rows at one position of the sync log.
    pub fn snapshot(&self) -> SnapshotBuilder {
        SnapshotBuilder::new(Arc::clone(&self.inner))
    }

    /// Opens a stream of the confirmed changes of all models.
    pub fn changes(&self) -> Subscribe<Delta> {
        Subscribe::new(Arc::clone(&self.inner))
    }

    /// Returns live presence: peers, their activity, holders and claim queues.
    ///
    /// # Errors
    /// `invalid_request` for a client with [`Connect::http_only`]; use [`Client::peers`].
    pub fn presence(&self) -> Result<Presence> {
        match self.inner.live()? {
            Some(live) => Ok(Presence::new(live)),
            None => {
                Err(Error::local("invalid_request", "presence needs a WebSocket; use `peers()`"))
            }
        }
    }

    /// Reads the connected participants once.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn peers(&self) -> Result<Vec<PresenceEntry>> {
        let roster: PresenceRoster = self.inner.http.send(&Request::get(["presence"])).await?;
        Ok(roster.entries)
    }

    /// Creates and ends sessions for other participants.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.inner))
    }
}

/// The client of one model.
#[derive(Debug)]
pub struct ModelClient<M> {
    inner: Arc<Inner>,
    model: PhantomData<fn() -> M>,
}

impl<M> Clone for ModelClient<M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), model: PhantomData }
    }
}

impl<M: Model> ModelClient<M> {
    /// Reads a row with its claims. A missing row is an error of kind [`ErrorKind::NotFound`].
    pub fn retrieve(&self, id: impl Into<Id<M>>) -> Retrieve<M> {
        Retrieve::new(Arc::clone(&self.inner), id.into())
    }

    /// Lists rows page by page, filtered by equality.
    pub fn list(&self) -> List<M> {
        List::new(Arc::clone(&self.inner))
    }

    /// Queries all rows that match conditions.
    pub fn query(&self) -> Query<M> {
        Query::new(Arc::clone(&self.inner))
    }

    /// Creates a row.
    pub fn create(&self, create: Create<M>) -> CreateOne<M> {
        CreateOne::new(Arc::clone(&self.inner), create)
    }

    /// Updates the fields of a row that the patch sets.
    pub fn update(&self, id: impl Into<Id<M>>, patch: M::Patch) -> Commit {
        Commit::new(Arc::clone(&self.inner)).update_row::<M>(&id.into(), &patch)
    }

    /// Changes fields of a row relative to their current values, as [`Commit::adjust`] does.
    pub fn adjust(&self, id: impl Into<Id<M>>, change: Adjustment<M>) -> Commit {
        Commit::new(Arc::clone(&self.inner)).adjust(id, change)
    }

    /// Deletes a row. Deleting a row that does not exist succeeds.
    pub fn delete(&self, id: impl Into<Id<M>>) -> Commit {
        Commit::new(Arc::clone(&self.inner)).delete::<M>(id)
    }

    /// Claims a row: waits in its claim queue, then reads the row.
    pub fn claim(&self, id: impl Into<Id<M>>) -> ClaimRow<M> {
        ClaimRow::new(Arc::clone(&self.inner), id.into())
    }

    /// Returns the claim queue of a row: its holder and its waiters.
    pub fn claim_queue(&self, id: impl Into<Id<M>>) -> ClaimQueue<M> {
        ClaimQueue::new(Arc::clone(&self.inner), id.into())
    }

    /// Opens a stream of the confirmed changes of this model.
    pub fn changes(&self) -> Subscribe<Change<M>> {
        Subscribe::new(Arc::clone(&self.inner))
    }
}
