//! A source of typed tables: how rows are kept is the application's, what a commit is is the protocol's.
//!
//! A [`Ledger`] is the application's database as far as it is the same for every model, a [`Table`] the rows of one. A commit becomes one
//! transaction of theirs: the ledger, the rows, the outbox.

use super::endpoint::{Call, Scopes, Source};
use super::error::{Error, Result};
use crate::descriptor::ModelDescriptor;
use crate::wire::{
    EventsAnswer, ListAnswer, Maybe, Operation, RawRow, SourceCommit, SourceCommitAnswer,
    SourceErrorCode as Code, SourceEvent, SourceEvents, SourceList, SourceLoad, SourceQuery,
    SourceVerb, Verb,
};
use crate::{Model, Row};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// Events of a page where nobody says how many, and at most.
const EVENTS: [u64; 2] = [100, 1000];

/// An application's database.
pub trait Ledger: Send + Sync + 'static {
    /// A transaction; one that is dropped before it was ended has changed nothing.
    type Tx: Send;

    /// Says what a request may do; everything without this.
    ///
    /// # Errors
    /// Whatever is to be answered instead.
    fn authorize(&self, call: &Call) -> impl Future<Output = Result<Scopes>> + Send {
        let _ = call;
        async { Ok(Scopes::ALL) }
    }

    /// Begins a transaction for whom a request is made.
    ///
    /// # Errors
    /// Whatever is to be answered instead.
    fn begin(&self, call: &Call) -> impl Future<Output = Result<Self::Tx>> + Send;

    /// Ends a transaction: everything in it is kept.
    ///
    /// # Errors
    /// That it is not.
    fn end(&self, tx: Self::Tx) -> impl Future<Output = Result<()>> + Send;

    /// Takes a commit for this transaction and gives nothing, or what it was answered with before. Two of the same that come at once
    /// follow each other.
    ///
    /// # Errors
    /// What the database said.
    fn claim(
        &self,
        tx: &mut Self::Tx,
        commit: &str,
    ) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Remembers what a commit was answered with: a JSON array of rows.
    ///
    /// # Errors
    /// What the database said.
    fn answer(
        &self,
        tx: &mut Self::Tx,
        commit: &str,
        rows: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Puts an event into the outbox. Its `data` need not be kept.
    ///
    /// # Errors
    /// What the database said.
    fn tell(
        &self,
        tx: &mut Self::Tx,
        event: SourceEvent,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Events behind a cursor, of the caller's organisation, in an order in which nothing comes in before what was given; and where the next
    /// page starts.
    ///
    /// # Errors
    /// What the database said.
    fn told(
        &self,
        tx: &mut Self::Tx,
        cursor: Option<&str>,
        limit: u64,
        call: &Call,
    ) -> impl Future<Output = Result<EventsAnswer>> + Send;
}

/// A page of rows.
#[derive(Debug)]
pub struct Page<M> {
    /// The rows.
    pub rows: Vec<Row<M>>,
    /// Where the next page starts; none after the last.
    pub next_cursor: Option<String>,
}

/// The rows of a model, of the organisation for which a request is made.
pub trait Table<M: Model, Tx: Send>: Send + Sync + 'static {
    /// A row by its id, held for the transaction where it may be written.
    ///
    /// # Errors
    /// What the database said.
    fn load(
        &self,
        tx: &mut Tx,
        id: &str,
        call: &Call,
    ) -> impl Future<Output = Result<Option<Row<M>>>> + Send;

    /// A page of rows.
    ///
    /// # Errors
    /// A refusal of what cannot be filtered, or what the database said.
    fn list(
        &self,
        tx: &mut Tx,
        query: &SourceQuery,
        call: &Call,
    ) -> impl Future<Output = Result<Page<M>>> + Send;

    /// Writes a new row. One that is given without an id has a new UUID; an application that numbers its rows writes the id into it.
    ///
    /// # Errors
    /// A refusal, or what the database said.
    fn insert(
        &self,
        tx: &mut Tx,
        row: &mut Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Writes a row anew.
    ///
    /// # Errors
    /// A refusal, or what the database said.
    fn save(
        &self,
        tx: &mut Tx,
        row: &Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Takes a row away.
    ///
    /// # Errors
    /// A refusal, or what the database said.
    fn remove(
        &self,
        tx: &mut Tx,
        row: &Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// A [`Source`] of tables.
///
/// ```ignore
/// let source = Tables::new(Ledger { pool }).table::<Task, _>(TaskTable).table::<Project, _>(ProjectTable);
/// let endpoint = Endpoint::new(source, [key]);
/// ```
pub struct Tables<L: Ledger> {
    ledger: L,
    tables: BTreeMap<&'static str, Box<dyn Written<L::Tx>>>,
}

impl<L: Ledger> std::fmt::Debug for Tables<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("models", &self.tables.keys()).finish_non_exhaustive()
    }
}

impl<L: Ledger> Tables<L> {
    /// No table yet.
    pub fn new(ledger: L) -> Self {
        Self { ledger, tables: BTreeMap::new() }
    }

    /// Adds the rows of a model.
    #[must_use]
    pub fn table<M: Model, T: Table<M, L::Tx>>(mut self, table: T) -> Self {
        self.tables
            .insert(M::DESCRIPTOR.key, Box::new(Typed::<M, T> { table, model: PhantomData }));
        self
    }

    fn find(&self, model: &str, code: Code) -> Result<&dyn Written<L::Tx>> {
        self.tables.get(model).map(AsRef::as_ref).ok_or_else(|| Error::about(code, model))
    }
}

/// A table whose rows are JSON.
trait Written<Tx>: Send + Sync {
    fn load<'a>(
        &'a self,
        tx: &'a mut Tx,
        id: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Option<RawRow>>>;
    fn list<'a>(
        &'a self,
        tx: &'a mut Tx,
        query: &'a SourceQuery,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ListAnswer>>;
    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        operation: &'a Operation,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<(String, Option<RawRow>)>>;
}

struct Typed<M, T> {
    table: T,
    model: PhantomData<fn() -> M>,
}

impl<M: Model, Tx: Send, T: Table<M, Tx>> Written<Tx> for Typed<M, T> {
    fn load<'a>(
        &'a self,
        tx: &'a mut Tx,
        id: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Option<RawRow>>> {
        Box::pin(async move { self.table.load(tx, id, call).await?.as_ref().map(raw).transpose() })
    }

    fn list<'a>(
        &'a self,
        tx: &'a mut Tx,
        query: &'a SourceQuery,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ListAnswer>> {
        Box::pin(async move {
            let page = self.table.list(tx, query, call).await?;
            let mut answer =
                ListAnswer::new(page.rows.iter().map(raw).collect::<Result<Vec<_>>>()?);
            answer.next_cursor = page.next_cursor;
            Ok(answer)
        })
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        operation: &'a Operation,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<(String, Option<RawRow>)>> {
        Box::pin(async move {
            let given = given(M::DESCRIPTOR, operation)?;
            let id = operation.id.value().cloned();
            if operation.verb == Verb::Create {
                let mut row: Row<M> = typed(M::DESCRIPTOR, fresh(M::DESCRIPTOR, id, given, call))?;
                self.table.insert(tx, &mut row, call).await?;
                return Ok((row.id.as_str().to_owned(), Some(raw(&row)?)));
            }
            let id = id.unwrap_or_default();
            let Some(row) = self.table.load(tx, &id, call).await? else {
                return match operation.verb {
                    Verb::Delete => Ok((id, None)),
                    _ => {
                        let message = format!("there is no {}/{id}", M::DESCRIPTOR.key);
                        Err(Error::refused_with(
                            Code::from("entity_not_found".to_owned()),
                            message,
                            404,
                        ))
                    }
                };
            };
            if operation.verb == Verb::Delete {
                self.table.remove(tx, &row, call).await?;
                return Ok((id, Some(raw(&row)?)));
            }
            let Value::Object(mut members) = serde_json::to_value(&row).map_err(Error::failed)?
            else {
                return Err(Error::failed("a row is no object"));
            };
            members.extend(given);
            members.insert("updatedAt".to_owned(), now());
            let row: Row<M> = typed(M::DESCRIPTOR, members)?;
            self.table.save(tx, &row, call).await?;
            Ok((id, Some(raw(&row)?)))
        })
    }
}

fn told(verb: &Verb) -> SourceVerb {
    match verb {
        Verb::Create => SourceVerb::Create,
        Verb::Update => SourceVerb::Update,
        Verb::Delete => SourceVerb::Delete,
        Verb::Archive => SourceVerb::Archive,
        Verb::Unarchive => SourceVerb::Unarchive,
        Verb::Other(other) => SourceVerb::from(other.to_string()),
    }
}

fn now() -> Value {
    let millisecond = jiff::Timestamp::now().as_millisecond();
    let now = jiff::Timestamp::from_millisecond(millisecond).unwrap_or_default();
    format!("{now:.3}").into()
}

fn raw<M: Model>(row: &Row<M>) -> Result<RawRow> {
    RawRow::parse(&serde_json::to_string(row).map_err(Error::failed)?).map_err(Error::failed)
}

fn typed<M: Model>(model: &ModelDescriptor, members: Map<String, Value>) -> Result<Row<M>> {
    serde_json::from_value(Value::Object(members)).map_err(|error| {
        let message = format!("this is no row of {}: {error}", model.key);
        Error::refused_with(Code::from("check_violation".to_owned()), message, 400)
    })
}

/// What an operation says of members that the model declares.
fn given(model: &ModelDescriptor, operation: &Operation) -> Result<Map<String, Value>> {
    let mut given: Map<String, Value> = match operation.data.value() {
        Some(data) => serde_json::from_str(data.get())
            .map_err(|error| Error::refused(Code::CommitInvalid, error.to_string()))?,
        None => Map::new(),
    };
    given.remove("id");
    if let Some(unknown) =
        given.keys().find(|name| model.fields.iter().all(|field| field.name != name.as_str()))
    {
        let message = format!("{} have no `{unknown}`", model.key);
        return Err(Error::refused_with(Code::from("unknown_field".to_owned()), message, 400));
    }
    if matches!(operation.verb, Verb::Archive | Verb::Unarchive) {
        if model.fields.iter().all(|field| field.name != "archivedAt") {
            return Err(Error::about(Code::CommitNotConfigured, model.key));
        }
        let at = if operation.verb == Verb::Archive { now() } else { Value::Null };
        given = Map::from_iter([("archivedAt".to_owned(), at)]);
    }
    Ok(given)
}

/// A new row: what was given, and what a row has where its writer said nothing.
fn fresh(
    model: &ModelDescriptor,
    id: Option<String>,
    given: Map<String, Value>,
    call: &Call,
) -> Map<String, Value> {
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().hyphenated().to_string());
    let mut members = Map::from_iter([
        ("id".to_owned(), id.into()),
        ("createdAt".to_owned(), now()),
        ("updatedAt".to_owned(), now()),
    ]);
    let who = [
        ("organizationId", &call.scope.organization_id),
        ("createdBy", &call.scope.participant_id),
    ];
    members.extend(
        who.into_iter().filter_map(|(name, who)| Some((name.to_owned(), who.clone()?.into()))),
    );
    for field in model.fields {
        let default = field.default.and_then(|default| serde_json::from_str(default).ok());
        let value = match default {
            // The word for the time of writing.
            Some(Value::String(word)) if word == "now" && field.kind == crate::FieldKind::Date => {
                Some(now())
            }
            default => default,
        };
        members.extend(value.map(|value| (field.name.to_owned(), value)));
    }
    members.extend(given);
    members
}

impl<L: Ledger> Source for Tables<L> {
    async fn authorize(&self, call: &Call) -> Result<Scopes> {
        self.ledger.authorize(call).await
    }

    async fn load(&self, call: &Call, asked: SourceLoad) -> Result<Option<RawRow>> {
        let table = self.find(&asked.model, Code::LoadNotConfigured)?;
        let mut tx = self.ledger.begin(call).await?;
        let row = table.load(&mut tx, &asked.id, call).await?;
        self.ledger.end(tx).await?;
        Ok(row)
    }

    async fn list(&self, call: &Call, asked: SourceList) -> Result<ListAnswer> {
        let table = self.find(&asked.model, Code::ListNotConfigured)?;
        let mut tx = self.ledger.begin(call).await?;
        let page = table.list(&mut tx, &asked.query.unwrap_or_default(), call).await?;
        self.ledger.end(tx).await?;
        Ok(page)
    }

    async fn commit(&self, call: &Call, asked: SourceCommit) -> Result<SourceCommitAnswer> {
        let find = |operation: &Operation| self.find(&operation.model, Code::CommitNotConfigured);
        let tables = asked.operations.iter().map(find).collect::<Result<Vec<_>>>()?;
        let own = asked.client_tx_id.clone().unwrap_or_default();
        let organization = call.scope.organization_id.clone();
        let commit = format!("{}/{own}", organization.as_deref().unwrap_or_default());
        let mut tx = self.ledger.begin(call).await?;
        let rows = match self.ledger.claim(&mut tx, &commit).await? {
            Some(rows) => rows,
            None => {
                let mut rows: Vec<RawRow> = Vec::new();
                for (at, (operation, table)) in asked.operations.iter().zip(tables).enumerate() {
                    let (id, row) = table.apply(&mut tx, operation, call).await?;
                    let verb = told(&operation.verb);
                    let mut event = SourceEvent::new(
                        format!("{commit}:{at}"),
                        operation.model.clone(),
                        id,
                        verb,
                    );
                    (event.organization_id, event.client_tx_id) =
                        (organization.clone(), Some(own.clone()));
                    event.data = match (&row, operation.verb == Verb::Delete) {
                        (Some(row), false) => Maybe::Value(row.clone()),
                        _ => Maybe::Null,
                    };
                    self.ledger.tell(&mut tx, event).await?;
                    rows.extend(row);
                }
                let rows = serde_json::to_string(&rows).map_err(Error::failed)?;
                self.ledger.answer(&mut tx, &commit, &rows).await?;
                rows
            }
        };
        self.ledger.end(tx).await?;
        let mut answer = SourceCommitAnswer::new();
        answer.rows = Some(serde_json::from_str(&rows).map_err(Error::failed)?);
        Ok(answer)
    }

    /// Each event has its row as that is now: the order of transactions need not be that in which they changed it.
    async fn events(&self, call: &Call, asked: SourceEvents) -> Result<EventsAnswer> {
        let [usual, most] = EVENTS;
        let limit = asked.limit.unwrap_or(usual).clamp(1, most);
        let mut tx = self.ledger.begin(call).await?;
        let mut page = self
            .ledger
            .told(&mut tx, asked.cursor.value().map(String::as_str), limit, call)
            .await?;
        for event in &mut page.events {
            let Ok(table) = self.find(&event.model, Code::LoadNotConfigured) else { continue };
            let row = table.load(&mut tx, &event.entity_id, call).await?;
            as_it_is(event, row);
        }
        self.ledger.end(tx).await?;
        Ok(page)
    }
}

/// Gives an event its row as that is now; none where there is none. A row that is there again was not deleted in the end, and one that is gone
/// since has an event that says so.
///
/// ```
/// use ablo::source::as_it_is;
/// use ablo::wire::{Maybe, RawRow, SourceEvent, SourceVerb};
///
/// let mut event = SourceEvent::new("e1", "tasks", "t1", SourceVerb::Delete);
/// as_it_is(&mut event, None);
/// assert_eq!((&event.r#type, &event.data), (&SourceVerb::Delete, &Maybe::Null));
/// as_it_is(&mut event, RawRow::parse(r#"{"id":"t1"}"#).ok());
/// assert_eq!(event.r#type, SourceVerb::Update);
/// ```
pub fn as_it_is(event: &mut SourceEvent, row: Option<RawRow>) {
    let was_deleted = event.r#type == SourceVerb::Delete;
    event.data = match row {
        Some(row) => {
            if was_deleted {
                event.r#type = SourceVerb::Update;
            }
            Maybe::Value(row)
        }
        None if was_deleted => Maybe::Null,
        None => Maybe::Absent,
    };
}
