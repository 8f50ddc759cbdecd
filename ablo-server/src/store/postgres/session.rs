//! A connection with its settings and prepared statements, and literals for simple queries.

use super::super::Row;
use super::super::connection::{ColumnNames, Record};
use super::cell;
use crate::error::StoreError;
use crate::store::layout::{LayoutSession, StoredLayout};
use crate::store::sql_template::{quoted, quoted_text};
use crate::store::{Read, Ticket};
use crate::value::Cell;
use ablo_codegen::emit::sql::postgres::Provision;
use ablo_migrate::postgres::{Target, pinned};
use futures_util::future::{join, try_join_all};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Notification, SimpleQueryMessage, Statement};

/// Number of cached prepared statements per connection.
const STATEMENT_CACHE_SIZE: usize = 512;
/// Timeout for connecting and for the acknowledgement of sent data.
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for asking the server to cancel a statement.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);
/// The time after which the server plans prepared statements again. The plan for a small table may
/// read all of it, and is kept while the table grows, until it is analysed.
const PLAN_AGE: Duration = Duration::from_secs(10);
/// Settings of the server for the case that the coordinator is cut off: a transaction ends, and
/// with it its locks. Otherwise statements are cancelled earlier.
const WORK_SETTINGS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '4s'; \
    SET idle_in_transaction_session_timeout = '15s'";

/// The location of a database.
#[derive(Clone)]
pub(super) struct Address {
    /// A libpq connection string. It may contain a password and must not be logged.
    pub(super) url: String,
    /// The schema of the tables.
    pub(super) schema: String,
}

/// A statement that is sent with the next one.
pub(super) struct Later {
    pub(super) sql: String,
    pub(super) values: Vec<Cell>,
}

/// The result of a query.
pub(super) struct Answer {
    names: ColumnNames,
    pub(super) rows: Vec<Row>,
}

impl Answer {
    /// Returns the rows with the names of their columns.
    pub(super) fn records(self) -> Vec<Record> {
        let record = |row| Record::new(self.names.clone(), row);
        self.rows.into_iter().map(record).collect()
    }
}

fn column_names(statement: &Statement) -> ColumnNames {
    statement.columns().iter().map(|column| Box::from(column.name())).collect()
}

/// How long a connection waits for the server.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    /// Without end: provisioning may build indexes.
    None,
    /// Until a time.
    Until(Instant),
    /// Until the work of a ticket has to stop.
    Ticket(Arc<Ticket>),
}

impl Bound {
    async fn over(&self) {
        match self {
            Bound::None => std::future::pending().await,
            Bound::Until(time) => tokio::time::sleep_until((*time).into()).await,
            Bound::Ticket(ticket) => ticket.over().await,
        }
    }
}

/// A connection with the runtime that drives it. The runtime runs only while a call waits.
pub(super) struct Session {
    client: Client,
    target: Target,
    /// Missing only while it is dropped.
    runtime: Option<Runtime>,
    notifications: mpsc::UnboundedReceiver<Notification>,
    statements: BTreeMap<String, Statement>,
    /// When the server last dropped its plans.
    planned_at: Instant,
    pub(super) bound: Bound,
    /// Whether a call was given up, after which the state of the connection is unknown.
    given_up: bool,
}

impl Session {
    /// Opens a connection for provisioning and for notifications.
    pub(super) fn open(address: &Address) -> Result<Self, StoreError> {
        Self::open_within(address, Bound::Until(Instant::now() + SERVER_TIMEOUT), "")
    }

    /// Opens a connection for the work of a ticket.
    pub(super) fn open_for_work(
        address: &Address,
        ticket: &Arc<Ticket>,
    ) -> Result<Self, StoreError> {
        let mut session =
            Self::open_within(address, Bound::Ticket(Arc::clone(ticket)), WORK_SETTINGS)?;
        session.bound = Bound::Ticket(Arc::clone(ticket));
        Ok(session)
    }

    fn open_within(address: &Address, bound: Bound, settings: &str) -> Result<Self, StoreError> {
        let failed = |error: ablo_migrate::Error| StoreError::Unavailable(error.to_string());
        let mut target = Target::parse(&address.url).map_err(failed)?;
        configure(&mut target.config);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let opened = runtime.block_on(async {
            tokio::select! {
                opened = target.open() => Some(opened),
                () = bound.over() => None,
            }
        });
        let Some(opened) = opened else {
            runtime.shutdown_background();
            return Err(StoreError::Unavailable("the server did not answer".to_owned()));
        };
        let (client, mut messages) =
            opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (sender, notifications) = mpsc::unbounded_channel();
        runtime.spawn(async move {
            while let Some(Ok(message)) = poll_fn(&mut messages).await {
                receive(message, &sender);
            }
        });
        let mut session = Self {
            client,
            target: target.clone(),
            runtime: Some(runtime),
            notifications,
            statements: BTreeMap::new(),
            planned_at: Instant::now(),
            bound,
            given_up: false,
        };
        let checked = session.wait(async |client| target.check(client).await)?;
        checked.map_err(failed)?;
        // Explicit settings, whatever the defaults of the role and the database.
        session.batch(&format!(
            "SET search_path = {}, pg_temp; {}; {} {settings}",
            quoted(&address.schema),
            crate::store::capture::MARK,
            pinned("SESSION")
        ))?;
        session.bound = Bound::None;
        Ok(session)
    }

    /// Waits for the server within the bound. A call that is given up is cancelled on the server,
    /// and the connection is lost.
    fn wait<T>(
        &mut self,
        call: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.given_up) else {
            return Err(StoreError::TimedOut);
        };
        let (client, bound, target) = (&self.client, &self.bound, &self.target);
        let done = runtime.block_on(async {
            tokio::select! {
                done = call(client) => return Some(done),
                () = bound.over() => {}
            }
            // If this fails, too, the server notices the closed connection.
            let cancel = target.cancel(client.cancel_token());
            let _ = tokio::time::timeout(CANCEL_TIMEOUT, cancel).await;
            None
        });
        match done {
            Some(done) => Ok(done?),
            None => {
                self.given_up = true;
                Err(StoreError::TimedOut)
            }
        }
    }

    /// Waits for a notification and returns its channel and its text.
    pub(super) fn notification(&mut self, time: Duration) -> Option<(String, String)> {
        let (runtime, notifications) = (self.runtime.as_ref()?, &mut self.notifications);
        let received = runtime.block_on(async { timeout(time, notifications.recv()).await });
        let received = received.ok()??;
        Some((received.channel().to_owned(), received.payload().to_owned()))
    }

    /// Runs provisioning statements; the differences that they report as warnings are logged.
    pub(super) fn provision(&mut self, program: &Provision) -> Result<(), StoreError> {
        for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
            self.batch(sql)?;
        }
        Ok(())
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        self.wait(async |client| client.batch_execute(sql).await)
    }

    /// Runs the statements that begin a transaction, and returns the number that the last one with
    /// rows returns, or 0.
    pub(super) fn begin(&mut self, statements: &str) -> Result<i64, StoreError> {
        if self.planned_at.elapsed() >= PLAN_AGE {
            self.planned_at = Instant::now();
            // In a message of its own: a transaction cannot choose its isolation after it.
            self.batch("DISCARD PLANS")?;
        }
        self.last_number(statements)
    }

    /// Runs statements without parameters, and returns the number that the last one with rows
    /// returns, or 0.
    pub(super) fn last_number(&mut self, sql: &str) -> Result<i64, StoreError> {
        let messages = self.wait(async |client| client.simple_query(sql).await)?;
        let number = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(number.and_then(|number| number.parse().ok()).unwrap_or_default())
    }

    /// Runs a query.
    pub(super) fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql)?;
        let params = as_params(values);
        let rows = self.wait(async |client| client.query(&statement, &params).await)?;
        rows.iter().map(cell::row).collect()
    }

    /// Runs a query and returns the names of its columns, too.
    pub(super) fn records(
        &mut self,
        sql: &str,
        values: &[Cell],
    ) -> Result<Vec<Record>, StoreError> {
        let statement = self.statement(sql)?;
        let params = as_params(values);
        let rows = self.wait(async |client| client.query(&statement, &params).await)?;
        let rows = rows.iter().map(cell::row).collect::<Result<_, StoreError>>()?;
        Ok(Answer { names: column_names(&statement), rows }.records())
    }

    /// Runs queries that are sent in one message, and returns their results in this order.
    pub(super) fn read_all(&mut self, reads: &[Read]) -> Result<Vec<Answer>, StoreError> {
        let prepared = reads.iter().map(|read| self.statement(&read.sql));
        let prepared = prepared.collect::<Result<Vec<_>, StoreError>>()?;
        let params: Vec<_> = reads.iter().map(|read| as_params(&read.values)).collect();
        let found = self.wait(async |client| {
            let run = |(statement, params)| client.query(statement, params);
            // Each is sent when it is first polled, which happens in this order.
            try_join_all(prepared.iter().zip(params.iter().map(Vec::as_slice)).map(run)).await
        })?;
        let answer = |(statement, rows): (&Statement, Vec<tokio_postgres::Row>)| {
            let rows = rows.iter().map(cell::row).collect::<Result<_, StoreError>>()?;
            Ok(Answer { names: column_names(statement), rows })
        };
        prepared.iter().zip(found).map(answer).collect()
    }

    /// Runs a statement and returns the number of affected rows.
    pub(super) fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        let statement = self.statement(sql)?;
        let params = as_params(values);
        self.wait(async |client| client.execute(&statement, &params).await)
    }

    /// Runs statements and then a batch, which is sent without waiting for their results.
    pub(super) fn finish(&mut self, statements: &[Later], batch: &str) -> Result<(), StoreError> {
        let prepared = statements.iter().map(|later| self.statement(&later.sql));
        let prepared = prepared.collect::<Result<Vec<_>, StoreError>>()?;
        let params: Vec<_> = statements.iter().map(|later| as_params(&later.values)).collect();
        self.wait(async |client| {
            let run = |(statement, params)| client.execute(statement, params);
            let params = params.iter().map(Vec::as_slice);
            // Each is sent when it is first polled, which happens in this order.
            let statements = try_join_all(prepared.iter().zip(params).map(run));
            let batch = async {
                match batch {
                    "" => Ok(()),
                    batch => client.batch_execute(batch).await,
                }
            };
            let (ran, done) = join(statements, batch).await;
            ran.and(done)
        })
    }

    /// Returns a prepared statement from the cache.
    fn statement(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(async |client| client.prepare(sql).await)?;
        if self.statements.len() >= STATEMENT_CACHE_SIZE {
            self.clear_statements();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Clears the statement cache.
    pub(super) fn clear_statements(&mut self) {
        self.statements.clear();
    }

    /// Returns whether the connection is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.given_up || self.client.is_closed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A look-up of a host name would be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn receive(message: AsyncMessage, notifications: &mpsc::UnboundedSender<Notification>) {
    match message {
        // The session may have been dropped.
        AsyncMessage::Notification(notification) => drop(notifications.send(notification)),
        AsyncMessage::Notice(notice) => match notice.severity() {
            "WARNING" => tracing::warn!("{}", notice.message()),
            _ => tracing::debug!("{}", notice.message()),
        },
        _ => {}
    }
}

impl LayoutSession for Session {
    fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        self.batch(sql)
    }

    fn stored(&mut self, sql: &str) -> Result<StoredLayout, StoreError> {
        let rows = self.query(sql, &[])?;
        let number = |at: usize| rows.first().and_then(|row| row.get(at)?.integer());
        let missing = || StoreError::Fault("the layout has no version".to_owned());
        let (version, min_reader) = number(0).zip(number(1)).ok_or_else(missing)?;
        Ok(StoredLayout { version, min_reader })
    }
}

fn as_params(values: &[Cell]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// Sets defaults for what the connection string leaves out.
fn configure(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("ablo server");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(SERVER_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SERVER_TIMEOUT);
    }
}

/// Quotes a string literal, for statements without parameters.
pub(super) fn literal(text: &str) -> Result<String, StoreError> {
    match text.contains('\0') {
        true => Err(StoreError::Fault("a string literal cannot contain U+0000".to_owned())),
        // The session sets `standard_conforming_strings`, so backslashes are literal.
        false => Ok(quoted_text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literals_escape_quotes() {
        assert_eq!(literal("it's \\'; --").as_deref(), Ok("'it''s \\''; --'"));
        assert!(literal("a\0b").is_err());
    }
}
