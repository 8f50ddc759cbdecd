//! A minimal in-memory data source that passes the conformance kit, with flaws that a test can
//! enable.

use ablo::source::{Call, Error, Result, Source};
use ablo_wire::{
    EventsAnswer, ListAnswer, RawRow, SourceCommit, SourceCommitAnswer, SourceErrorCode as Code,
    SourceEvent, SourceEvents, SourceList, SourceLoad, Verb,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A flaw of a data source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// No flaw.
    None,
    /// Applies repeated commits again.
    ForgetsCommits,
    /// Answers a repeated commit with current rows.
    RepliesWithCurrentRows,
    /// Keeps the operations before a failed one.
    AppliesPartially,
    /// Keeps the events of a failed commit.
    EmitsEventsOfFailedCommits,
    /// Writes no event for a deletion.
    OmitsDeletionEvents,
    /// Includes the row in a deletion's event.
    DeletionEventHasRow,
    /// Includes the input instead of the row in an event.
    EventHasInput,
    /// Lists events newest first.
    EventsNewestFirst,
    /// Repeats the last event of a page on the next one.
    EventPagesOverlap,
    /// Writes only one event per commit.
    OneEventPerCommit,
    /// Keeps deleted rows.
    KeepsDeletedRows,
    /// Drops all other members on update.
    UpdateReplacesRow,
    /// Creates missing rows on update.
    UpdateCreatesMissingRow,
    /// Trims text.
    TrimsText,
    /// Ignores the organisation.
    MixesOrganizations,
    /// Ignores the filter of a list.
    IgnoresListFilter,
    /// Ignores the cursor of a list.
    IgnoresListCursor,
    /// Refuses rows without an id.
    RequiresIds,
    /// Returns an event cursor that is one too high.
    SkipsEvents,
    /// Answers a create without defaults.
    CreateReturnsInput,
}

#[derive(Clone, Debug, Default)]
struct State {
    rows: BTreeMap<(String, String), Map<String, Value>>,
    answers: BTreeMap<String, Vec<Value>>,
    events: Vec<Value>,
    next_id: u64,
}

/// The data source.
#[derive(Debug)]
pub struct FakeApp {
    flaw: Flaw,
    state: Mutex<State>,
}

fn row(value: &Value) -> Result<RawRow> {
    RawRow::parse(&value.to_string()).map_err(Error::failed)
}

impl FakeApp {
    /// Creates an empty source of tasks.
    #[must_use]
    pub fn new(flaw: Flaw) -> Self {
        Self { flaw, state: Mutex::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn organization(&self, call: &Call) -> String {
        let named = call.scope.organization_id.clone().unwrap_or_default();
        if self.is(Flaw::MixesOrganizations) { String::new() } else { named }
    }

    fn apply(
        &self,
        state: &mut State,
        organization: &str,
        request: &SourceCommit,
        tx: &str,
    ) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, operation) in request.operations.iter().enumerate() {
            let given = operation.data.value().map_or("{}", |data| data.get());
            let mut given: Map<String, Value> =
                serde_json::from_str(given).map_err(Error::failed)?;
            if self.is(Flaw::TrimsText) {
                given.values_mut().for_each(|value| {
                    *value = value.as_str().map_or(value.clone(), |text| text.trim().into())
                });
            }
            state.next_id += 1;
            let id = match operation.id.value() {
                Some(id) => id.clone(),
                None if self.is(Flaw::RequiresIds) => {
                    return Err(Error::refused(Code::CommitInvalid, "no id"));
                }
                None => format!("made_{}", state.next_id),
            };
            let key = (organization.to_owned(), id.clone());
            if operation.verb != Verb::Create
                && !state.rows.contains_key(&key)
                && !self.is(Flaw::UpdateCreatesMissingRow)
            {
                return Err(Error::refused_with(
                    Code::from("entity_not_found".to_owned()),
                    "row not found",
                    404,
                ));
            }
            if operation.verb == Verb::Create && state.rows.contains_key(&key) {
                return Err(Error::refused_with(
                    Code::from("already_exists".to_owned()),
                    "row already exists",
                    409,
                ));
            }
            let answer = match operation.verb {
                Verb::Delete => {
                    let row = state.rows.get(&key).cloned().unwrap_or_default();
                    if !self.is(Flaw::KeepsDeletedRows) {
                        state.rows.remove(&key);
                    }
                    row
                }
                _ => {
                    let row = state
                        .rows
                        .entry(key)
                        .or_insert_with(|| Map::from_iter([("note".to_owned(), "new".into())]));
                    if self.is(Flaw::UpdateReplacesRow) && operation.verb == Verb::Update {
                        row.clear();
                    }
                    row.insert("id".to_owned(), id.clone().into());
                    row.extend(given.clone());
                    if self.is(Flaw::CreateReturnsInput) && operation.verb == Verb::Create {
                        given.clone()
                    } else {
                        row.clone()
                    }
                }
            };
            let deleted = operation.verb == Verb::Delete;
            let data = match (deleted, self.flaw) {
                (true, Flaw::DeletionEventHasRow) => json!(answer),
                (true, _) => Value::Null,
                (false, Flaw::EventHasInput) => json!(given),
                (false, _) => json!(answer),
            };
            let omitted = (deleted && self.is(Flaw::OmitsDeletionEvents))
                || (at > 0 && self.is(Flaw::OneEventPerCommit));
            if !omitted {
                state.next_id += 1;
                let event = format!("{tx}:{at}:{}", state.next_id);
                state.events.push(json!({
                    "id": event,
                    "model": operation.model,
                    "entityId": id,
                    "type": format!("{:?}", operation.verb).to_uppercase(),
                    "data": data,
                    "clientTxId": tx,
                }));
            }
            rows.push(json!(answer));
        }
        Ok(rows)
    }
}

fn known(model: &str, code: Code) -> Result<()> {
    if model == "tasks" { Ok(()) } else { Err(Error::about(code, model)) }
}

impl Source for FakeApp {
    async fn load(&self, call: &Call, request: SourceLoad) -> Result<Option<RawRow>> {
        known(&request.model, Code::LoadNotConfigured)?;
        let found = self.state().rows.get(&(self.organization(call), request.id)).cloned();
        found.map(|found| row(&json!(found))).transpose()
    }

    async fn list(&self, call: &Call, request: SourceList) -> Result<ListAnswer> {
        known(&request.model, Code::ListNotConfigured)?;
        let query = json!(request.query);
        let limit = query["limit"].as_u64().unwrap_or(1000) as usize;
        let organization = self.organization(call);
        let after = query["cursor"]
            .as_str()
            .filter(|_| !self.is(Flaw::IgnoresListCursor))
            .unwrap_or_default();
        let fits = |row: &Map<String, Value>| {
            let clauses = query["where"].as_array().cloned().unwrap_or_default();
            self.is(Flaw::IgnoresListFilter)
                || clauses
                    .iter()
                    .all(|clause| row[clause[0].as_str().unwrap_or_default()] == clause[1])
        };
        let state = self.state();
        let all = state
            .rows
            .iter()
            .filter(|((of, id), row)| *of == organization && id.as_str() > after && fits(row));
        let page: Vec<&Map<String, Value>> = all.map(|(_, row)| row).take(limit + 1).collect();
        let mut answer = ListAnswer::new(
            page.iter().take(limit).map(|found| row(&json!(found))).collect::<Result<Vec<_>>>()?,
        );
        let last = page.get(limit.saturating_sub(1)).filter(|_| page.len() > limit);
        answer.next_cursor = last.and_then(|row| row["id"].as_str()).map(str::to_owned);
        Ok(answer)
    }

    async fn commit(&self, call: &Call, request: SourceCommit) -> Result<SourceCommitAnswer> {
        for operation in &request.operations {
            known(&operation.model, Code::CommitNotConfigured)?;
        }
        let tx = request.client_tx_id.clone().unwrap_or_default();
        let (organization, mut state) = (self.organization(call), self.state());
        let answered = state.answers.get(&tx).cloned().filter(|_| !self.is(Flaw::ForgetsCommits));
        let rows = match answered {
            Some(rows) if self.is(Flaw::RepliesWithCurrentRows) => {
                let now = rows.iter().map(|row| {
                    (organization.clone(), row["id"].as_str().unwrap_or_default().to_owned())
                });
                now.filter_map(|key| state.rows.get(&key).map(|row| json!(row))).collect()
            }
            Some(rows) => rows,
            None => {
                let before = state.clone();
                let applied = self.apply(&mut state, &organization, &request, &tx);
                if applied.is_err() {
                    let events = if self.is(Flaw::EmitsEventsOfFailedCommits) {
                        state.events.clone()
                    } else {
                        before.events.clone()
                    };
                    if !self.is(Flaw::AppliesPartially) {
                        *state = State { events, ..before };
                    }
                }
                let rows = applied?;
                state.answers.insert(tx, rows.clone());
                rows
            }
        };
        let mut answer = SourceCommitAnswer::new();
        answer.rows = Some(rows.iter().map(row).collect::<Result<_>>()?);
        Ok(answer)
    }

    async fn events(&self, _: &Call, request: SourceEvents) -> Result<EventsAnswer> {
        let state = self.state();
        let from: usize =
            request.cursor.value().and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let limit = request.limit.unwrap_or(100) as usize;
        let start = if self.is(Flaw::EventPagesOverlap) { from.saturating_sub(1) } else { from };
        let mut page: Vec<Value> = state.events.iter().skip(start).take(limit).cloned().collect();
        if self.is(Flaw::EventsNewestFirst) {
            page.reverse();
        }
        let skipped = usize::from(self.is(Flaw::SkipsEvents) && page.len() < limit);
        let next = (!page.is_empty()).then(|| (start + page.len() + skipped).to_string());
        let events: Vec<SourceEvent> = page
            .into_iter()
            .map(serde_json::from_value)
            .collect::<std::result::Result<_, _>>()
            .map_err(Error::failed)?;
        let mut answer = EventsAnswer::new(events);
        answer.next_cursor = next;
        Ok(answer)
    }
}
