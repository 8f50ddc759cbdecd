//! The rows in the memory of a client of 0.9, as docs/protocol/websocket.md §5.1 describes them:
//! with its faults.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of deltas that are collected.
const MAX_COLLECTED: usize = 50;

/// The type name of a model and the id of a row.
type Key = (String, String);

#[derive(Clone, Debug, Default)]
struct Row {
    data: Map<String, Value>,
    is_archived: bool,
    /// The members that the client has changed. They keep their value until the next bootstrap.
    changed: BTreeSet<String>,
}

/// The rows and the position of a client.
#[derive(Debug, Default)]
pub struct Pool {
    highest: i64,
    position: u64,
    collected: Vec<Value>,
    rows: BTreeMap<Key, Row>,
    own: BTreeSet<String>,
}

fn key(model: &str, id: &str) -> Key {
    (model.to_owned(), id.to_owned())
}

fn text(delta: &Value, member: &str) -> String {
    delta[member].as_str().unwrap_or_else(|| panic!("no {member}: {delta}")).to_owned()
}

impl Pool {
    /// Creates the empty memory of a client that has acknowledged the deltas up to a sync id.
    #[must_use]
    pub fn at(position: u64) -> Self {
        let highest = i64::try_from(position).expect("a sync id");
        Self { highest, position, ..Self::default() }
    }

    /// Returns the sync id of the last delta that was stored: the one to acknowledge.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns whether a delta with this id or a later one has arrived.
    #[must_use]
    pub fn has_seen(&self, id: u64) -> bool {
        self.highest >= i64::try_from(id).expect("a sync id")
    }

    /// Follows the coordinator back to an earlier head.
    pub fn move_back(&mut self, position: u64) {
        self.position = position;
        self.highest = i64::try_from(position).expect("a sync id");
    }

    /// Returns the members of a row that the application sees.
    #[must_use]
    pub fn row(&self, model: &str, id: &str) -> Option<&Map<String, Value>> {
        self.rows.get(&key(model, id)).filter(|row| !row.is_archived).map(|row| &row.data)
    }

    /// Returns one member of each row of a model that the application sees, by id.
    ///
    /// # Panics
    /// Panics if a row has no such member that is a text.
    #[must_use]
    pub fn texts(&self, model: &str, member: &str) -> BTreeMap<String, String> {
        let rows = self.rows.iter().filter(|((of, _), row)| of == model && !row.is_archived);
        rows.map(|((_, id), row)| (id.clone(), text(&row.data.clone().into(), member))).collect()
    }

    /// Replaces all rows by those of a bootstrap. Each counts as live.
    ///
    /// # Panics
    /// Panics if the models have no lists of rows.
    pub fn load(&mut self, models: &Value) {
        self.rows.clear();
        for (model, rows) in models.as_object().expect("models") {
            rows.as_array().expect("rows").iter().for_each(|row| self.read(model, row));
        }
    }

    /// Stores a row that was read.
    pub fn read(&mut self, model: &str, row: &Value) {
        let data = row.as_object().expect("a row").clone();
        self.rows.entry(key(model, &text(row, "id"))).or_default().merge(data);
    }

    /// Changes a row before the coordinator has confirmed it. Returns all changed members.
    ///
    /// # Panics
    /// Panics if the row is not there.
    pub fn change(&mut self, model: &str, id: &str, values: &Value) -> Value {
        let row = self.rows.get_mut(&key(model, id)).expect("a row in memory");
        for (member, value) in values.as_object().expect("an object") {
            row.changed.insert(member.clone());
            row.data.insert(member.clone(), value.clone());
        }
        let changed = |(member, _): &(&String, &Value)| row.changed.contains(*member);
        let members = row.data.iter().filter(changed);
        members.map(|(member, value)| (member.clone(), value.clone())).collect::<Map<_, _>>().into()
    }

    /// Returns a function that restores a row whose change was refused.
    pub(super) fn undo(&self, model: &str, id: &str) -> impl FnOnce(&mut Self) + use<> {
        let key = key(model, id);
        let before = self.rows.get(&key).cloned();
        move |pool| {
            if let Some((row, before)) = pool.rows.get_mut(&key).zip(before) {
                *row = before;
            }
        }
    }

    /// Notes the id of an operation whose delta is not applied again.
    pub fn expect_own(&mut self, transaction: &str) {
        self.own.insert(transaction.to_owned());
    }

    /// Removes all rows and the position.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Collects a delta. One that is not newer than the newest is dropped, except those that are
    /// no entries of the log. Returns whether enough were collected.
    ///
    /// # Panics
    /// Panics if the id is no number.
    pub fn collect(&mut self, delta: &Value) -> bool {
        let id = delta["id"].as_i64().unwrap_or_else(|| panic!("no id: {delta}"));
        if id > 0 && id <= self.highest {
            return false;
        }
        self.highest = id;
        self.collected.push(delta.clone());
        self.collected.len() >= MAX_COLLECTED
    }

    /// Applies the collected deltas. Several of a row with the same action collapse to the first.
    pub fn apply(&mut self) {
        let mut applied = BTreeSet::new();
        for delta in std::mem::take(&mut self.collected) {
            let row = key(&text(&delta, "modelName"), &text(&delta, "modelId"));
            let action = text(&delta, "actionType");
            if applied.insert((row.clone(), action.clone())) {
                self.apply_one(row, &action, &delta);
            }
        }
    }

    /// Applies deltas at once and returns the position.
    pub fn receive(&mut self, deltas: &[Value]) -> u64 {
        for delta in deltas {
            self.collect(delta);
        }
        self.apply();
        self.position
    }

    fn apply_one(&mut self, key: Key, action: &str, delta: &Value) {
        let is_own = delta["transactionId"].as_str().is_some_and(|id| self.own.remove(id));
        let data = delta["data"].as_object().cloned();
        match (action, self.rows.get_mut(&key), data) {
            ("I" | "C" | "U", Some(_), Some(_)) if is_own => {}
            // An insert of a row that is there is ignored.
            ("I" | "C", Some(_), _) => {}
            ("I" | "C", None, Some(data)) => self.rows.entry(key).or_default().merge(data),
            ("U", Some(row), Some(data)) => row.merge(data),
            ("A", _, Some(data)) => {
                self.rows.insert(key, Row { data, is_archived: true, ..Row::default() });
            }
            ("D", _, _) => drop(self.rows.remove(&key)),
            // An update of a row that is not there is neither stored nor acknowledged.
            _ => return,
        }
        // Deltas with an id below 0 do not change the position.
        let id = delta["id"].as_u64().unwrap_or(0);
        self.position = self.position.max(id);
    }
}

impl Row {
    fn merge(&mut self, data: Map<String, Value>) {
        if let Some(archived_at) = data.get("archivedAt") {
            self.is_archived &= !archived_at.is_null();
        }
        let data = data.into_iter().filter(|(member, _)| !self.changed.contains(member));
        let data: Vec<_> = data.collect();
        self.data.extend(data);
    }
}
