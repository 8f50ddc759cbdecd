//! The client of a coordinator: typed reads and writes, claims, changes as they happen, presence and sessions.
//!
//! Everything is generic over [`Model`], so that generated code says which models there are and nothing else. Requests go over
//! HTTP; claims and presence share one WebSocket, which is opened when one of them is first used, and every stream of changes has
//! its own. Futures may be dropped at any time.

mod changes;
mod claim;
mod commit;
mod dial;
mod error;
mod filter;
mod http;
mod live;
mod presence;
mod read;
mod session;
mod snapshot;
mod socket;
mod token;

pub use changes::{Change, Changes, Item, Subscribe, What};
pub use claim::{Claim, ClaimRow, Line};
pub use commit::{Commit, CreateOne, Created, Receipt};
pub use error::{Conflict, Error, ErrorKind, Holder, Result, Stale};
pub use filter::{Condition, Equal, OrderBy};
pub use presence::Presence;
pub use read::{Found, IfClaimed, List, Page, Query, Read, Retrieve};
pub use session::{Can, NewSession, Session, Sessions};
pub use snapshot::{Snapshot, Take};
pub use token::Credential;

use crate::wire::{Delta, Identity, ParticipantKind, PresenceEntry, PresenceRoster};
use crate::{Create, Id, Model};
use dial::Dial;
use futures_util::future::BoxFuture;
use http::{Http, Request};
use live::Live;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use token::Tokens;

/// A client. Clones are cheap and share its connection.
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
///     claim.update(WeatherReport::patch().forecast("Rain").status(WeatherReportStatus::Ready)).await?;
///     claim.release().await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What all parts of a client share.
struct Inner {
    http: Arc<Http>,
    /// The connection's task, from when it is first needed.
    live: OnceLock<Live>,
    http_only: bool,
    identity: Identity,
    /// How others see this participant in claims.
    me: String,
}

impl Inner {
    /// The connection's task; none where only HTTP is wanted.
    fn live(&self) -> Result<Option<&Live>> {
        if self.http_only {
            return Ok(None);
        }
        if let Some(live) = self.live.get() {
            return Ok(Some(live));
        }
        let started = Live::start(Arc::clone(&self.http))?;
        // Of two that start at once, one ends with its last sender.
        Ok(Some(self.live.get_or_init(|| started)))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("participant", &self.me).finish_non_exhaustive()
    }
}

/// A client that is about to connect. Await it.
///
/// It gives a [`Client`], or the client of a schema: `App::connect`.
#[derive(Clone, Debug)]
#[must_use = "nothing is connected before it is awaited"]
pub struct Connect<C = Client> {
    url: String,
    credential: Credential,
    participant: Option<(ParticipantKind, String)>,
    http_only: bool,
    attempts: u32,
    dial: Option<Dial>,
    client: PhantomData<fn() -> C>,
}

impl<C: From<Client>> Connect<C> {
    /// Connects to a coordinator with a key or a token, and looks whose it is.
    pub fn new(url: impl Into<String>, credential: impl Into<Credential>) -> Self {
        let (url, credential) = (url.into(), credential.into());
        Self {
            url,
            credential,
            participant: None,
            http_only: false,
            attempts: 4,
            dial: None,
            client: PhantomData,
        }
    }

    /// Acts as an agent: the key is exchanged for a token of that agent, which is renewed in time.
    pub fn agent(mut self, id: impl Into<String>) -> Self {
        self.participant = Some((ParticipantKind::Agent, id.into()));
        self
    }

    /// Acts as a human, as [`Connect::agent`] does for agents.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.participant = Some((ParticipantKind::User, id.into()));
        self
    }

    /// Opens no WebSocket for claims: for workers that live shortly. Claims are asked for again and again instead, and are
    /// granted a little later. Streams of changes open theirs all the same.
    pub fn http_only(mut self) -> Self {
        self.http_only = true;
        self
    }

    /// How often a request is sent at most, where the failure passes; four times by default, and 1 is never again.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Goes over streams that are brought, one for each request and one for each WebSocket, and not over the network. The address
    /// then says no more than what is asked for.
    pub fn over<F, O, S>(mut self, dial: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = std::io::Result<S>> + Send + 'static,
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        self.dial = Some(Dial::new(dial));
        self
    }

    async fn run(self) -> Result<C> {
        let tokens = Tokens::new(self.credential, self.participant);
        let http = Arc::new(Http::new(&self.url, tokens, self.attempts, self.dial)?);
        let identity: Identity = http.send(&Request::get(["auth", "identity"])).await?;
        let me = match identity.participant_kind {
            ParticipantKind::Agent => format!("agent:{}", identity.participant_id),
            _ => identity.participant_id.clone(),
        };
        let inner = Inner { http, live: OnceLock::new(), http_only: self.http_only, identity, me };
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
    /// Connects to a coordinator with a key or a token, and looks whose it is.
    pub fn connect(url: impl Into<String>, credential: impl Into<Credential>) -> Connect {
        Connect::new(url, credential)
    }

    /// Whose credential it is, and what it sees.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The rows of a model.
    #[must_use]
    pub fn model<M: Model>(&self) -> Models<M> {
        Models { inner: Arc::clone(&self.inner), model: PhantomData }
    }

    /// Starts a commit of several operations.
    pub fn commit(&self) -> Commit {
        Commit::new(Arc::clone(&self.inner))
    }

    /// Reads several rows at one place in the log.
    pub fn snapshot(&self) -> Take {
        Take::new(Arc::clone(&self.inner))
    }

    /// Changes of all models, as they are confirmed.
    pub fn changes(&self) -> Subscribe<Delta> {
        Subscribe::new(Arc::clone(&self.inner))
    }

    /// Who is here, live.
    ///
    /// # Errors
    /// `invalid_request` for a client of HTTP alone; it has [`Client::peers`].
    pub fn presence(&self) -> Result<Presence> {
        match self.inner.live()? {
            Some(live) => Ok(Presence::new(live)),
            None => Err(Error::here(
                "invalid_request",
                "a client of HTTP alone hears of nobody; ask with `peers`",
            )),
        }
    }

    /// Who is here, once.
    ///
    /// # Errors
    /// Where the coordinator refuses, or cannot be reached.
    pub async fn peers(&self) -> Result<Vec<PresenceEntry>> {
        let roster: PresenceRoster = self.inner.http.send(&Request::get(["presence"])).await?;
        Ok(roster.entries)
    }

    /// Makes tokens for others.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.inner))
    }
}

/// The rows of a model.
#[derive(Debug)]
pub struct Models<M> {
    inner: Arc<Inner>,
    model: PhantomData<fn() -> M>,
}

impl<M> Clone for Models<M> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), model: PhantomData }
    }
}

impl<M: Model> Models<M> {
    /// Reads a row, with its claims. One that is not there is an error of the kind `NotFound`.
    pub fn retrieve(&self, id: impl Into<Id<M>>) -> Retrieve<M> {
        Retrieve::new(Arc::clone(&self.inner), id.into())
    }

    /// Lists rows in pages, of which fields equal values.
    pub fn list(&self) -> List<M> {
        List::new(Arc::clone(&self.inner))
    }

    /// Finds all rows of which conditions are so.
    pub fn query(&self) -> Query<M> {
        Query::new(Arc::clone(&self.inner))
    }

    /// Creates a row.
    pub fn create(&self, create: Create<M>) -> CreateOne<M> {
        CreateOne::new(Arc::clone(&self.inner), create)
    }

    /// Changes a row: what the patch does not name stays.
    pub fn update(&self, id: impl Into<Id<M>>, patch: M::Patch) -> Commit {
        Commit::new(Arc::clone(&self.inner)).change::<M>(&id.into(), &patch)
    }

    /// Deletes a row. One that is not there is no error.
    pub fn delete(&self, id: impl Into<Id<M>>) -> Commit {
        Commit::new(Arc::clone(&self.inner)).delete::<M>(id)
    }

    /// Claims a row: waits until it is free, holds it, and reads it.
    pub fn claim(&self, id: impl Into<Id<M>>) -> ClaimRow<M> {
        ClaimRow::new(Arc::clone(&self.inner), id.into())
    }

    /// Who holds a row, and who waits for it.
    pub fn line(&self, id: impl Into<Id<M>>) -> Line<M> {
        Line::new(Arc::clone(&self.inner), id.into())
    }

    /// Changes of these rows, as they are confirmed.
    pub fn changes(&self) -> Subscribe<Change<M>> {
        Subscribe::new(Arc::clone(&self.inner))
    }
}
