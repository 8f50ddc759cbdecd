//! The coordinator's engine as the explorer drives it: actions of programs, on a clock of its own,
//! and what the tables have afterwards.

use super::facts::{
    Action, Answer, JUMP, LEASE, Outcome, Program, Sent, Shape, State, Status, TICK, change,
    claim_fact, start, values,
};
use ablo_server::engine::claims::{self, ClaimDetail, ClaimOutcome, ClaimRequest};
use ablo_server::engine::commit::{ClaimInUse, Commit, commit};
use ablo_server::engine::plan::plan;
use ablo_server::engine::{Engine, sessions};
use ablo_server::error::{EngineError, StoreError};
use ablo_server::identity::{Holder, HolderName, Identity};
use ablo_server::store::{Connection, Dialect, Notification, Record, Row, Tx};
use ablo_server::value::Cell;
use ablo_tests::server::user;
use ablo_wire::{Operation, PresenceReport, PresenceStatus, RawRow};
use jiff::{SignedDuration, Timestamp};

pub(super) const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "x":{"type":"string","isOptional":false,"isIndexed":false},
    "y":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

const MEMBERS: [&str; 2] = ["x", "y"];
/// A connection to the database whose clock the explorer sets.
struct Clocked<'c> {
    connection: &'c mut dyn Connection,
    now: Timestamp,
}

impl Connection for Clocked<'_> {
    fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        self.connection.query(sql, values)
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        self.connection.records(sql, values)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.connection.execute(sql, values)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.connection.check()
    }

    fn notify(&mut self, _: Notification) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A fault outside of commits, to prove that the rules notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The clock of housekeeping stands still.
    SweepsWithoutClock,
    /// The last waiter goes first.
    ReversedQueues,
}

/// The engine over a connection.
pub(super) struct System<'s> {
    pub(super) engine: &'s Engine,
    pub(super) connection: &'s mut dyn Connection,
    pub(super) organization: &'s str,
    pub(super) shape: Shape,
    pub(super) disturbance: Option<Disturbance>,
}

/// A write to send.
#[derive(Clone, Copy)]
struct Sending {
    /// Names its key, and its transaction.
    numbers: (usize, usize),
    row: usize,
    member: usize,
    value: usize,
    read_at: u64,
}

impl System<'_> {
    /// Creates the rows, which every program has read.
    pub(super) fn start(&mut self) -> Result<State, String> {
        let Shape { participants, connections, rows, .. } = self.shape;
        let creates: Vec<String> = (0..rows)
            .map(|row| {
                format!(
                    r#"{{"action":"create","model":"notes","id":"n{row}",
                        "data":{{"x":"0","y":"0"}}}}"#
                )
            })
            .collect();
        let creator = self.identity(usize::MAX, Holder::Unnamed);
        let create = self.commit(&creator, "create", &creates.join(","), ClaimInUse::None, 0)?;
        let read_at = create?.last_sync_id.map_or(0, |id| id.0);
        let program = |connection| Program {
            connected: true,
            connection,
            read_at,
            claims: vec![None; rows],
            last: None,
        };
        let programs: Vec<Program> = (0..participants * connections).map(program).collect();
        let state = State {
            now: 0,
            numbers: programs.len(),
            programs,
            claims: Vec::new(),
            owners: Vec::new(),
            rows: vec![[0; 2]; rows],
            log: Vec::new(),
            last: None,
            head: read_at,
        };
        self.renew_sessions(&state)?;
        Ok(state)
    }

    /// Takes one step, and reads what it changed.
    pub(super) fn apply(
        &mut self,
        before: &State,
        action: Action,
    ) -> Result<(State, Outcome), String> {
        let mut state = before.clone();
        state.last = Some(action);
        state.now += match action {
            Action::Tick => TICK,
            Action::Jump => JUMP,
            _ => 1,
        };
        let outcome = self.act(&mut state, action)?;
        self.observe(&mut state, action)?;
        Ok((state, outcome))
    }

    fn act(&mut self, state: &mut State, action: Action) -> Result<Outcome, String> {
        let now = state.now;
        Ok(match action {
            Action::Read(program) => {
                state.programs[program].read_at = state.head;
                Outcome::Nothing
            }
            Action::Write { program, row, member, guarded } => {
                let read_at = if guarded { state.programs[program].read_at } else { 0 };
                let who = self.socket(state, program);
                self.write(state, program, (&who, ClaimInUse::OfHolder), (row, member, read_at))?
            }
            Action::WriteUnder { program, row, claim } => {
                let read_at = state.programs[program].read_at;
                let who = self.identity(program, Holder::Unnamed);
                let claim = ClaimInUse::Named(format!("c{claim}"));
                self.write(state, program, (&who, claim), (row, 0, read_at))?
            }
            Action::Claim { program, row } => self.claim(state, program, row)?,
            Action::Release { program, row } => {
                self.reverse_queues(state)?;
                let id = state.programs[program].claims[row].take().unwrap_or_default();
                let who = self.socket(state, program);
                let models = &self.engine.models;
                let id = format!("c{id}");
                Outcome::Released(on(self.connection, now, |tx| {
                    Ok(claims::abandon(tx, &who, models, &id)?)
                })?)
            }
            Action::Renew(program) => self.renew(state, program)?,
            Action::Repeat(program) => self.repeat(state, program)?,
            Action::Cut(program) => {
                self.close(state, program)?;
                Outcome::Nothing
            }
            Action::Reconnect(program) => self.reconnect(state, program)?,
            Action::Tick | Action::Jump => {
                self.renew_sessions(state)?;
                Outcome::Nothing
            }
            Action::Sweep => {
                let organization = self.organization;
                let at = match self.disturbance {
                    Some(Disturbance::SweepsWithoutClock) => 0,
                    _ => now,
                };
                on(self.connection, at, |tx| Ok(claims::sweep(tx, organization, 1000)?))?;
                Outcome::Nothing
            }
        })
    }

    fn write(
        &mut self,
        state: &mut State,
        program: usize,
        (who, claim): (&Identity, ClaimInUse),
        (row, member, read_at): (usize, usize, u64),
    ) -> Result<Outcome, String> {
        let number = state.numbers;
        state.numbers += 1;
        let sending = Sending { numbers: (number, number), row, member, value: number, read_at };
        let answer = self.send(who, sending, claim, state.now)?;
        if let Ok(receipt) = &answer {
            let receipt = receipt.clone();
            state.programs[program].last = Some(Sent { number, row, member, receipt });
        }
        Ok(Outcome::Written(Box::new(answer)))
    }

    /// Sends the last commit again: as it was; with another value; with another key; with another
    /// key and another value.
    fn repeat(&mut self, state: &mut State, program: usize) -> Result<Outcome, String> {
        let who = self.socket(state, program);
        let Some(sent) = state.programs[program].last.clone() else { return Ok(Outcome::Nothing) };
        let other = state.numbers;
        state.numbers += 2;
        let number = sent.number;
        let forms = [
            ((number, number), number),
            ((number, number), other),
            ((other, number), number),
            ((other + 1, number), other),
        ];
        let mut answers = Vec::with_capacity(forms.len());
        for (numbers, value) in forms {
            let (row, member) = (sent.row, sent.member);
            let sending = Sending { numbers, row, member, value, read_at: 0 };
            answers.push(self.send(&who, sending, ClaimInUse::OfHolder, state.now)?);
        }
        let answers: [Answer; 4] = answers.try_into().map_err(|_| "four answers".to_owned())?;
        Ok(Outcome::Repeated(Box::new(answers)))
    }

    fn send(
        &mut self,
        who: &Identity,
        sending: Sending,
        claim: ClaimInUse,
        now: i64,
    ) -> Result<Answer, String> {
        let Sending { numbers: (key, transaction), row, member, value, read_at } = sending;
        let member = MEMBERS[member];
        let operation = format!(
            r#"{{"action":"update","model":"notes","id":"n{row}","data":{{"{member}":"{value}"}},
                "transactionId":"t{transaction}","readAt":{read_at}}}"#
        );
        self.commit(who, &format!("k{key}"), &operation, claim, now)
    }

    fn commit(
        &mut self,
        who: &Identity,
        key: &str,
        operations: &str,
        claim: ClaimInUse,
        now: i64,
    ) -> Result<Answer, String> {
        let text = format!("[{operations}]");
        let operations: Vec<Operation<RawRow>> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let changes =
            plan(&self.engine.models, who, &operations).map_err(|error| error.to_string())?;
        let request = Commit {
            client_tx_id: key.to_owned(),
            changes,
            request_hash: text,
            caused_by: None,
            claim,
        };
        let engine = self.engine;
        on(self.connection, now, |tx| match commit(engine, tx, who, &request) {
            Ok(receipt) => Ok(Ok(receipt)),
            Err(EngineError::Refused(refusal)) => Ok(Err(refusal.code().to_owned())),
            Err(error) => Err(error),
        })
    }

    /// Repeats the request of a waiter, or makes another one.
    fn claim(&mut self, state: &mut State, program: usize, row: usize) -> Result<Outcome, String> {
        let known = state.programs[program].claims[row];
        let is_queued =
            |id: &usize| state.claim(*id).is_some_and(|claim| claim.status == Status::Queued);
        let id = known.filter(is_queued).unwrap_or(state.owners.len());
        if id == state.owners.len() {
            state.owners.push(program);
        }
        state.programs[program].claims[row] = Some(id);
        Ok(Outcome::Claimed(vec![self.begin(state, program, row, id)?]))
    }

    /// Opens a new connection, and continues the claims of the program there.
    fn reconnect(&mut self, state: &mut State, program: usize) -> Result<Outcome, String> {
        self.close(state, program)?;
        let known = &mut state.programs[program];
        (known.connected, known.connection) = (true, state.numbers);
        state.numbers += 1;
        self.renew_sessions(state)?;
        let claims = state.programs[program].claims.clone().into_iter().enumerate();
        let known = claims.filter_map(|(row, id)| Some((row, id?)));
        let begun = known.map(|(row, id)| self.begin(state, program, row, id));
        Ok(Outcome::Claimed(begun.collect::<Result<_, _>>()?))
    }

    fn begin(
        &mut self,
        state: &State,
        program: usize,
        row: usize,
        id: usize,
    ) -> Result<(usize, usize, ClaimOutcome), String> {
        let who = self.socket(state, program);
        let request = ClaimRequest {
            id: format!("c{id}"),
            row: format!("n{row}"),
            action: "editing".to_owned(),
            description: None,
            detail: ClaimDetail::default(),
            ttl: (LEASE / 1000).unsigned_abs(),
            queue: true,
            connection: Some(format!("s{}", state.programs[program].connection)),
        };
        let engine = self.engine;
        let model = engine.models.find("notes").ok_or("no model")?;
        let outcome =
            on(self.connection, state.now, |tx| claims::begin(engine, tx, &who, model, &request))?;
        Ok((row, id, outcome))
    }

    /// Renews the claims of a program as its connection does.
    fn renew(&mut self, state: &mut State, program: usize) -> Result<Outcome, String> {
        let who = self.socket(state, program);
        let mut renewed = Vec::new();
        for row in 0..state.rows.len() {
            let Some(id) = state.programs[program].claims[row] else { continue };
            let name = format!("c{id}");
            let lost = on(self.connection, state.now, |tx| {
                let lost = claims::lost(tx, &who, &name)?;
                if lost.is_none() {
                    claims::renew(tx, &who, &name)?;
                }
                Ok(lost)
            })?;
            if lost.is_some() {
                state.programs[program].claims[row] = None;
            }
            renewed.push((row, id, lost));
        }
        Ok(Outcome::Renewed(renewed))
    }

    fn close(&mut self, state: &mut State, program: usize) -> Result<(), String> {
        state.programs[program].connected = false;
        let session = format!("s{}", state.programs[program].connection);
        let organization = self.organization;
        on(self.connection, state.now, |tx| Ok(sessions::remove(tx, organization, &session)?))
    }

    /// Renews the sessions of open connections, which the coordinator does every few seconds.
    fn renew_sessions(&mut self, state: &State) -> Result<(), String> {
        for (at, program) in state.programs.iter().enumerate().filter(|(_, known)| known.connected)
        {
            let who = self.socket(state, at);
            let session = format!("s{}", program.connection);
            let report = PresenceReport::new(PresenceStatus::Online);
            on(self.connection, state.now, |tx| {
                Ok(sessions::upsert(tx, &who, &session, &report)?)
            })?;
        }
        Ok(())
    }

    fn reverse_queues(&mut self, state: &State) -> Result<(), String> {
        if self.disturbance != Some(Disturbance::ReversedQueues) {
            return Ok(());
        }
        let who = self.identity(usize::MAX, Holder::Unnamed);
        let engine = self.engine;
        let model = engine.models.find("notes").ok_or("no model")?;
        let queued = state.claims.iter().rev().filter(|claim| claim.status == Status::Queued);
        let order: Vec<(String, String)> = queued
            .map(|claim| {
                let participant = self.participant(state.owners[claim.id]);
                (format!("p{participant}"), format!("c{}", claim.id))
            })
            .collect();
        on(self.connection, state.now, |tx| {
            (0..state.rows.len()).try_for_each(|row| {
                claims::reorder(engine, tx, &who, model, &format!("n{row}"), &order)
            })
        })
    }

    pub(super) fn participant(&self, program: usize) -> usize {
        program / self.shape.connections
    }

    fn identity(&self, program: usize, holder: Holder) -> Identity {
        let name = match program {
            usize::MAX => "creator".to_owned(),
            _ => format!("p{}", self.participant(program)),
        };
        let mut who = user(&name);
        who.organization = self.organization.to_owned();
        who.groups = [format!("org:{}", self.organization)].into();
        who.holder = holder;
        who
    }

    fn socket(&self, state: &State, program: usize) -> Identity {
        let holder = match self.shape.named {
            true => HolderName::new(&format!("w{program}")).map(Holder::Named).ok(),
            false => Some(Holder::Connection(format!("s{}", state.programs[program].connection))),
        };
        self.identity(program, holder.unwrap_or_default())
    }

    /// Reads claims, rows and new deltas.
    fn observe(&mut self, state: &mut State, action: Action) -> Result<(), String> {
        let organization = [Cell::from(self.organization)];
        let claims = self.select(
            "SELECT id, row_id, status, declared_at, expires_at, session_id FROM ablo_claims \
             WHERE organization_id = ?1 ORDER BY arrival",
            &organization,
        )?;
        let before = std::mem::take(&mut state.claims);
        state.claims = claims.iter().map(claim_fact).collect::<Option<_>>().ok_or("a claim")?;
        let rows = self.select(
            "SELECT x, y FROM notes WHERE organization_id = ?1 ORDER BY id",
            &organization,
        )?;
        state.rows = rows.iter().map(values).collect::<Option<_>>().ok_or("a row")?;
        let [organization] = organization;
        let deltas = self.select(
            "SELECT id, model_id, action_type, json_extract(data, '$.x'), json_extract(data, \
             '$.y'), previous_data, actor_id, intent_id, transaction_id, created_at FROM \
             sync_deltas WHERE organization_id = ?1 AND id > ?2 ORDER BY id",
            &[organization, state.head.into()],
        )?;
        for delta in &deltas {
            let (program, member, under) = match action {
                Action::Write { program, row, member, .. } => {
                    let connection = state.programs[program].connection;
                    let holder = before.iter().find(|claim| {
                        claim.row == row
                            && claim.status == Status::Active
                            && claim.is_live(state.now)
                            && claim.connection == connection
                    });
                    (program, member, holder)
                }
                Action::WriteUnder { program, claim, .. } => {
                    (program, 0, before.iter().find(|known| known.id == claim))
                }
                _ => return Err(format!("{action:?} wrote a delta")),
            };
            let under = under.map(|claim| (claim.id, claim.declared));
            let change = change(delta, (program, member, under)).ok_or("a delta")?;
            state.head = change.id;
            state.log.push(change);
        }
        Ok(())
    }

    fn select(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, String> {
        self.connection.query(sql, values).map_err(|error| format!("{error:?}"))
    }

    /// Runs a statement such as `SAVEPOINT`.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(), String> {
        self.connection.execute(sql, &[]).map(drop).map_err(|error| format!("{error:?}"))
    }
}

/// Runs a job at a time.
fn on<T>(
    connection: &mut dyn Connection,
    now: i64,
    job: impl FnOnce(&mut Tx<'_>) -> Result<T, EngineError>,
) -> Result<T, String> {
    let now = start() + SignedDuration::from_micros(now);
    let mut clocked = Clocked { connection, now };
    job(&mut Tx::new(&mut clocked)).map_err(|error| format!("{error:?}"))
}
