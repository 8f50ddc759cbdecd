//! A Data Source in memory, as small as one can be that passes the kit, and what may be wrong with one.

use ablo::source::{Call, Error, Result, Source};
use ablo_wire::{
    EventsAnswer, ListAnswer, RawRow, SourceCommit, SourceCommitAnswer, SourceErrorCode as Code,
    SourceEvent, SourceEvents, SourceList, SourceLoad, Verb,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Commits are not told apart.
    Forgets,
    /// A commit that comes again is answered with rows of now.
    AnswersAnew,
    /// What was applied before an operation that fails stays.
    Halves,
    /// An event is written before it is known whether the commit is.
    TellsBefore,
    /// No event for a deletion.
    HidesDeletions,
    /// A deletion is told with the row.
    TellsTheDead,
    /// The event has what was given, and not the row.
    TellsInput,
    /// Events come newest first.
    Backwards,
    /// A page of events begins with the last of the one before.
    Overlaps,
    /// One event of a commit only.
    TellsOne,
    /// Deleted rows stay.
    KeepsTheDead,
    /// An update takes everything else away.
    Replaces,
    /// Missing rows are made up.
    MakesUp,
    /// Text is trimmed.
    Trims,
    /// Everyone's rows are everyone's.
    Mixes,
    /// The filter of a list is not read.
    ListsAll,
    /// The cursor of a list is not read.
    ListsAgain,
    /// A row without an id is refused.
    WantsIds,
    /// The place behind a page is one too far.
    Skips,
    /// A created row is answered without what it was not given.
    AnswersLittle,
}

#[derive(Clone, Debug, Default)]
struct State {
    rows: BTreeMap<(String, String), Map<String, Value>>,
    answers: BTreeMap<String, Vec<Value>>,
    events: Vec<Value>,
    made: u64,
}

/// The source.
#[derive(Debug)]
pub struct Shop {
    flaw: Flaw,
    state: Mutex<State>,
}

fn row(value: &Value) -> Result<RawRow> {
    RawRow::parse(&value.to_string()).map_err(Error::failed)
}

impl Shop {
    /// An empty one of tasks.
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
        if self.is(Flaw::Mixes) { String::new() } else { named }
    }

    fn apply(
        &self,
        state: &mut State,
        organization: &str,
        asked: &SourceCommit,
        tx: &str,
    ) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        for (at, operation) in asked.operations.iter().enumerate() {
            let given = operation.data.value().map_or("{}", |data| data.get());
            let mut given: Map<String, Value> =
                serde_json::from_str(given).map_err(Error::failed)?;
            if self.is(Flaw::Trims) {
                given.values_mut().for_each(|value| {
                    *value = value.as_str().map_or(value.clone(), |text| text.trim().into())
                });
            }
            state.made += 1;
            let id = match operation.id.value() {
                Some(id) => id.clone(),
                None if self.is(Flaw::WantsIds) => {
                    return Err(Error::refused(Code::CommitInvalid, "no id"));
                }
                None => format!("made_{}", state.made),
            };
            let key = (organization.to_owned(), id.clone());
            if operation.verb != Verb::Create
                && !state.rows.contains_key(&key)
                && !self.is(Flaw::MakesUp)
            {
                return Err(Error::refused_with(
                    Code::from("entity_not_found".to_owned()),
                    "there is no such row",
                    404,
                ));
            }
            if operation.verb == Verb::Create && state.rows.contains_key(&key) {
                return Err(Error::refused_with(
                    Code::from("already_exists".to_owned()),
                    "there is such a row",
                    409,
                ));
            }
            let answer = match operation.verb {
                Verb::Delete => {
                    let row = state.rows.get(&key).cloned().unwrap_or_default();
                    if !self.is(Flaw::KeepsTheDead) {
                        state.rows.remove(&key);
                    }
                    row
                }
                _ => {
                    let row = state
                        .rows
                        .entry(key)
                        .or_insert_with(|| Map::from_iter([("note".to_owned(), "new".into())]));
                    if self.is(Flaw::Replaces) && operation.verb == Verb::Update {
                        row.clear();
                    }
                    row.insert("id".to_owned(), id.clone().into());
                    row.extend(given.clone());
                    if self.is(Flaw::AnswersLittle) && operation.verb == Verb::Create {
                        given.clone()
                    } else {
                        row.clone()
                    }
                }
            };
            let dead = operation.verb == Verb::Delete;
            let data = match (dead, self.flaw) {
                (true, Flaw::TellsTheDead) => json!(answer),
                (true, _) => Value::Null,
                (false, Flaw::TellsInput) => json!(given),
                (false, _) => json!(answer),
            };
            let silent =
                (dead && self.is(Flaw::HidesDeletions)) || (at > 0 && self.is(Flaw::TellsOne));
            if !silent {
                state.made += 1;
                let event = format!("{tx}:{at}:{}", state.made);
                state.events.push(json!({ "id": event, "model": operation.model, "entityId": id,
                    "type": format!("{:?}", operation.verb).to_uppercase(), "data": data, "clientTxId": tx }));
            }
            rows.push(json!(answer));
        }
        Ok(rows)
    }
}

fn known(model: &str, code: Code) -> Result<()> {
    if model == "tasks" { Ok(()) } else { Err(Error::about(code, model)) }
}

impl Source for Shop {
    async fn load(&self, call: &Call, asked: SourceLoad) -> Result<Option<RawRow>> {
        known(&asked.model, Code::LoadNotConfigured)?;
        let found = self.state().rows.get(&(self.organization(call), asked.id)).cloned();
        found.map(|found| row(&json!(found))).transpose()
    }

    async fn list(&self, call: &Call, asked: SourceList) -> Result<ListAnswer> {
        known(&asked.model, Code::ListNotConfigured)?;
        let query = json!(asked.query);
        let limit = query["limit"].as_u64().unwrap_or(1000) as usize;
        let organization = self.organization(call);
        let after =
            query["cursor"].as_str().filter(|_| !self.is(Flaw::ListsAgain)).unwrap_or_default();
        let fits = |row: &Map<String, Value>| {
            let clauses = query["where"].as_array().cloned().unwrap_or_default();
            self.is(Flaw::ListsAll)
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

    async fn commit(&self, call: &Call, asked: SourceCommit) -> Result<SourceCommitAnswer> {
        for operation in &asked.operations {
            known(&operation.model, Code::CommitNotConfigured)?;
        }
        let tx = asked.client_tx_id.clone().unwrap_or_default();
        let (organization, mut state) = (self.organization(call), self.state());
        let answered = state.answers.get(&tx).cloned().filter(|_| !self.is(Flaw::Forgets));
        let rows = match answered {
            Some(rows) if self.is(Flaw::AnswersAnew) => {
                let now = rows.iter().map(|row| {
                    (organization.clone(), row["id"].as_str().unwrap_or_default().to_owned())
                });
                now.filter_map(|key| state.rows.get(&key).map(|row| json!(row))).collect()
            }
            Some(rows) => rows,
            None => {
                let before = state.clone();
                let applied = self.apply(&mut state, &organization, &asked, &tx);
                if applied.is_err() {
                    let events = if self.is(Flaw::TellsBefore) {
                        state.events.clone()
                    } else {
                        before.events.clone()
                    };
                    if !self.is(Flaw::Halves) {
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

    async fn events(&self, _: &Call, asked: SourceEvents) -> Result<EventsAnswer> {
        let state = self.state();
        let from: usize =
            asked.cursor.value().and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let limit = asked.limit.unwrap_or(100) as usize;
        let start = if self.is(Flaw::Overlaps) { from.saturating_sub(1) } else { from };
        let mut page: Vec<Value> = state.events.iter().skip(start).take(limit).cloned().collect();
        if self.is(Flaw::Backwards) {
            page.reverse();
        }
        let far = usize::from(self.is(Flaw::Skips) && page.len() < limit);
        let next = (!page.is_empty()).then(|| (start + page.len() + far).to_string());
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
