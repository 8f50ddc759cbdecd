//! A source of typed tables. The application stores rows, and [`Tables`] implements commits.
//!
//! A [`Ledger`] provides what all models share: transactions, the answers of applied commits and
//! the outbox. A [`Table`] stores the rows of one model. Each commit is one transaction that covers
//! the ledger, the rows and the outbox.

use super::new_row::{new_row, now};
use super::{Call, Error, Result, Scopes, Source, attach_current_row};
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

/// The number of events in a page if the request sets no limit.
const DEFAULT_EVENTS: u64 = 100;
/// The largest number of events in a page.
const MAX_EVENTS: u64 = 1000;

/// An application's database: transactions, the answers of applied commits and the outbox.
pub trait Ledger: Send + Sync + 'static {
    /// A transaction. Dropping it rolls it back.
    type Tx: Send;

    /// Returns the permissions of a request. By default it may do everything.
    ///
    /// # Errors
    /// An error is returned to the coordinator instead of an answer.
    fn authorize(&self, call: &Call) -> impl Future<Output = Result<Scopes>> + Send {
        let _ = call;
        async { Ok(Scopes::ALL) }
    }

    /// Begins a transaction for the scope of a request.
    ///
    /// # Errors
    /// An error is returned to the coordinator instead of an answer.
    fn begin(&self, call: &Call) -> impl Future<Output = Result<Self::Tx>> + Send;

    /// Commits a transaction.
    ///
    /// # Errors
    /// Returns an error if the commit fails.
    fn commit(&self, tx: Self::Tx) -> impl Future<Output = Result<()>> + Send;

    /// Reserves the id of a commit for this transaction. Returns the stored answer if the commit
    /// was applied before. A second transaction that reserves the same id waits for the first to
    /// end.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    fn reserve_commit(
        &self,
        tx: &mut Self::Tx,
        commit: &str,
    ) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Stores the answer of a commit, a JSON array of rows.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    fn store_answer(
        &self,
        tx: &mut Self::Tx,
        commit: &str,
        rows: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Appends an event to the outbox. Its `data` need not be stored.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    fn append_event(
        &self,
        tx: &mut Self::Tx,
        event: SourceEvent,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Reads the events of the caller's organisation after a cursor, and the cursor of the next
    /// page. The order is final: no later call returns an event that belongs before one that was
    /// returned.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    fn read_events(
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
    /// The cursor of the next page, or `None` on the last page.
    pub next_cursor: Option<String>,
}

/// The rows of one model in the organisation of a request.
pub trait Table<M: Model, Tx: Send>: Send + Sync + 'static {
    /// Loads a row by id and locks it if the transaction may write.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    fn load(
        &self,
        tx: &mut Tx,
        id: &str,
        call: &Call,
    ) -> impl Future<Output = Result<Option<Row<M>>>> + Send;

    /// Lists a page of rows.
    ///
    /// # Errors
    /// Returns a refusal if the filter is not supported, or an error if the statement fails.
    fn list(
        &self,
        tx: &mut Tx,
        query: &SourceQuery,
        call: &Call,
    ) -> impl Future<Output = Result<Page<M>>> + Send;

    /// Inserts a row. A row that was created without an id has a new UUID; an application that
    /// assigns its own ids writes the id into `row`.
    ///
    /// # Errors
    /// Returns a refusal, or an error if the statement fails.
    fn insert(
        &self,
        tx: &mut Tx,
        row: &mut Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Replaces a row.
    ///
    /// # Errors
    /// Returns a refusal, or an error if the statement fails.
    fn save(
        &self,
        tx: &mut Tx,
        row: &Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a row.
    ///
    /// # Errors
    /// Returns a refusal, or an error if the statement fails.
    fn remove(
        &self,
        tx: &mut Tx,
        row: &Row<M>,
        call: &Call,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// A [`Source`] made of a [`Ledger`] and one [`Table`] per model.
///
/// ```ignore
/// let source = Tables::new(AppLedger { pool })
///     .table::<Task, _>(TaskTable)
///     .table::<Project, _>(ProjectTable);
/// let endpoint = Endpoint::new(source, [key]);
/// ```
pub struct Tables<L: Ledger> {
    ledger: L,
    tables: BTreeMap<&'static str, Box<dyn JsonTable<L::Tx>>>,
}

impl<L: Ledger> std::fmt::Debug for Tables<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").field("models", &self.tables.keys()).finish_non_exhaustive()
    }
}

impl<L: Ledger> Tables<L> {
    /// Creates a source without tables.
    pub fn new(ledger: L) -> Self {
        Self { ledger, tables: BTreeMap::new() }
    }

    /// Adds the table of a model.
    #[must_use]
    pub fn table<M: Model, T: Table<M, L::Tx>>(mut self, table: T) -> Self {
        let table = TypedTable::<M, T> { table, model: PhantomData };
        self.tables.insert(M::DESCRIPTOR.key, Box::new(table));
        self
    }

    fn find(&self, model: &str, code: Code) -> Result<&dyn JsonTable<L::Tx>> {
        self.tables.get(model).map(AsRef::as_ref).ok_or_else(|| Error::about(code, model))
    }
}

/// A table with rows as JSON, independent of the model's type.
trait JsonTable<Tx>: Send + Sync {
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

struct TypedTable<M, T> {
    table: T,
    model: PhantomData<fn() -> M>,
}

impl<M: Model, Tx: Send, T: Table<M, Tx>> JsonTable<Tx> for TypedTable<M, T> {
    fn load<'a>(
        &'a self,
        tx: &'a mut Tx,
        id: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Option<RawRow>>> {
        Box::pin(
            async move { self.table.load(tx, id, call).await?.as_ref().map(to_raw).transpose() },
        )
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
                ListAnswer::new(page.rows.iter().map(to_raw).collect::<Result<Vec<_>>>()?);
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
            let model = M::DESCRIPTOR;
            let input = read_input(model, operation)?;
            let id = operation.id.value().cloned();
            if operation.verb == Verb::Create {
                let mut row: Row<M> = to_row(model, new_row(model, id, input, call))?;
                self.table.insert(tx, &mut row, call).await?;
                return Ok((row.id.as_str().to_owned(), Some(to_raw(&row)?)));
            }
            let id = id.unwrap_or_default();
            let Some(row) = self.table.load(tx, &id, call).await? else {
                return match operation.verb {
                    Verb::Delete => Ok((id, None)),
                    _ => {
                        let code = Code::from("entity_not_found".to_owned());
                        let message = format!("row `{id}` of model `{}` does not exist", model.key);
                        Err(Error::refused_with(code, message, 404))
                    }
                };
            };
            if operation.verb == Verb::Delete {
                self.table.remove(tx, &row, call).await?;
                return Ok((id, Some(to_raw(&row)?)));
            }
            let Value::Object(mut members) = serde_json::to_value(&row).map_err(Error::failed)?
            else {
                return Err(Error::failed("the row is not a JSON object"));
            };
            members.extend(input);
            members.insert("updatedAt".to_owned(), now());
            let row: Row<M> = to_row(model, members)?;
            self.table.save(tx, &row, call).await?;
            Ok((id, Some(to_raw(&row)?)))
        })
    }
}

fn to_raw<M: Model>(row: &Row<M>) -> Result<RawRow> {
    RawRow::parse(&serde_json::to_string(row).map_err(Error::failed)?).map_err(Error::failed)
}

fn to_row<M: Model>(model: &ModelDescriptor, members: Map<String, Value>) -> Result<Row<M>> {
    serde_json::from_value(Value::Object(members)).map_err(|error| {
        let message = format!("invalid row of model `{}`: {error}", model.key);
        Error::refused_with(Code::from("check_violation".to_owned()), message, 400)
    })
}

/// Reads the input of an operation and refuses members that the model does not declare.
fn read_input(model: &ModelDescriptor, operation: &Operation) -> Result<Map<String, Value>> {
    let mut input: Map<String, Value> = match operation.data.value() {
        Some(data) => serde_json::from_str(data.get())
            .map_err(|error| Error::refused(Code::CommitInvalid, error.to_string()))?,
        None => Map::new(),
    };
    input.remove("id");
    if let Some(unknown) =
        input.keys().find(|name| model.fields.iter().all(|field| field.name != name.as_str()))
    {
        let message = format!("no field `{unknown}` on model `{}`", model.key);
        return Err(Error::refused_with(Code::from("unknown_field".to_owned()), message, 400));
    }
    if matches!(operation.verb, Verb::Archive | Verb::Unarchive) {
        if model.fields.iter().all(|field| field.name != "archivedAt") {
            return Err(Error::about(Code::CommitNotConfigured, model.key));
        }
        let at = if operation.verb == Verb::Archive { now() } else { Value::Null };
        input = Map::from_iter([("archivedAt".to_owned(), at)]);
    }
    Ok(input)
}

impl<L: Ledger> Source for Tables<L> {
    async fn authorize(&self, call: &Call) -> Result<Scopes> {
        self.ledger.authorize(call).await
    }

    async fn load(&self, call: &Call, request: SourceLoad) -> Result<Option<RawRow>> {
        let table = self.find(&request.model, Code::LoadNotConfigured)?;
        let mut tx = self.ledger.begin(call).await?;
        let row = table.load(&mut tx, &request.id, call).await?;
        self.ledger.commit(tx).await?;
        Ok(row)
    }

    async fn list(&self, call: &Call, request: SourceList) -> Result<ListAnswer> {
        let table = self.find(&request.model, Code::ListNotConfigured)?;
        let mut tx = self.ledger.begin(call).await?;
        let page = table.list(&mut tx, &request.query.unwrap_or_default(), call).await?;
        self.ledger.commit(tx).await?;
        Ok(page)
    }

    async fn commit(&self, call: &Call, request: SourceCommit) -> Result<SourceCommitAnswer> {
        let find = |operation: &Operation| self.find(&operation.model, Code::CommitNotConfigured);
        let tables = request.operations.iter().map(find).collect::<Result<Vec<_>>>()?;
        let client_tx_id = request.client_tx_id.clone().unwrap_or_default();
        let organization = call.scope.organization_id.clone();
        let commit = format!("{}/{client_tx_id}", organization.as_deref().unwrap_or_default());
        let mut tx = self.ledger.begin(call).await?;
        let rows = match self.ledger.reserve_commit(&mut tx, &commit).await? {
            Some(rows) => rows,
            None => {
                let mut rows: Vec<RawRow> = Vec::new();
                for (at, (operation, table)) in request.operations.iter().zip(tables).enumerate() {
                    let (id, row) = table.apply(&mut tx, operation, call).await?;
                    let verb = SourceVerb::from(&operation.verb);
                    let event_id = format!("{commit}:{at}");
                    let mut event = SourceEvent::new(event_id, operation.model.clone(), id, verb);
                    event.organization_id = organization.clone();
                    event.client_tx_id = Some(client_tx_id.clone());
                    event.data = match (&row, operation.verb == Verb::Delete) {
                        (Some(row), false) => Maybe::Value(row.clone()),
                        _ => Maybe::Null,
                    };
                    self.ledger.append_event(&mut tx, event).await?;
                    rows.extend(row);
                }
                let rows = serde_json::to_string(&rows).map_err(Error::failed)?;
                self.ledger.store_answer(&mut tx, &commit, &rows).await?;
                rows
            }
        };
        self.ledger.commit(tx).await?;
        let mut answer = SourceCommitAnswer::new();
        answer.rows = Some(serde_json::from_str(&rows).map_err(Error::failed)?);
        Ok(answer)
    }

    /// Each event carries the current row, since the order of events may differ from the order in
    /// which their transactions changed the row.
    async fn events(&self, call: &Call, request: SourceEvents) -> Result<EventsAnswer> {
        let limit = request.limit.unwrap_or(DEFAULT_EVENTS).clamp(1, MAX_EVENTS);
        let cursor = request.cursor.value().map(String::as_str);
        let mut tx = self.ledger.begin(call).await?;
        let mut page = self.ledger.read_events(&mut tx, cursor, limit, call).await?;
        for event in &mut page.events {
            let Ok(table) = self.find(&event.model, Code::LoadNotConfigured) else { continue };
            let row = table.load(&mut tx, &event.entity_id, call).await?;
            attach_current_row(event, row);
        }
        self.ledger.commit(tx).await?;
        Ok(page)
    }
}
