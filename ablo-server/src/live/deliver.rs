//! Decides which deltas a connection is sent, and in what form.

use crate::engine::log::Delta;
use crate::identity::Identity;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A delta in memory, with the JSON text that most connections are sent.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delta: Delta,
    json: OnceLock<String>,
}

/// The form in which a connection is sent a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As logged.
    Original,
    /// As an insert: the row became visible to the participant.
    Appeared,
    /// As a delete: the row is no longer visible to the participant.
    Disappeared,
}

impl Item {
    pub(super) fn new(delta: Delta) -> Self {
        Self { delta, json: OnceLock::new() }
    }

    /// Returns the form for a participant with these groups, or `None` if it is not sent.
    pub(super) fn form(&self, who: &Identity, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        if matches!(delta.action.as_str(), "C" | "G" | "S") {
            return self.is_about(who).then(|| self.membership_form(groups)).flatten();
        }
        let sees = !delta.groups.is_disjoint(groups);
        let saw =
            delta.previous_groups.as_ref().map_or(sees, |previous| !previous.is_disjoint(groups));
        match (sees, saw) {
            (true, true) => Some(Form::Original),
            (true, false) => Some(Form::Appeared),
            (false, true) => Some(Form::Disappeared),
            // The writer waits for its own delta (docs/protocol/differences.md A20).
            (false, false) => {
                (delta.capability.as_ref() == Some(&who.capability)).then_some(Form::Original)
            }
        }
    }

    /// Returns whether the delta grants or revokes a group of the participant.
    pub(super) fn changes_groups_of(&self, who: &Identity) -> bool {
        matches!(self.delta.action.as_str(), "G" | "S")
            && self.delta.previous_groups.is_none()
            && self.is_about(who)
    }

    /// Returns whether a membership delta concerns the participant or the one it acts for.
    fn is_about(&self, who: &Identity) -> bool {
        let named = |id: &String| self.delta.groups.contains(&format!("user:{id}"));
        named(&who.participant) || who.on_behalf_of.as_ref().is_some_and(named)
    }

    /// Returns the form of a membership delta: of the group itself, or of one of its rows.
    fn membership_form(&self, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        let Some(seen_by) = &delta.previous_groups else { return Some(Form::Original) };
        // Another of the participant's groups may contain the row too.
        let sees_otherwise =
            seen_by.iter().any(|group| groups.contains(group) && !delta.groups.contains(group));
        let sees = !seen_by.is_disjoint(groups);
        match (delta.action.as_str(), sees) {
            ("C", true) if !sees_otherwise => Some(Form::Original),
            ("S", false) => Some(Form::Disappeared),
            _ => None,
        }
    }

    /// Appends the delta's JSON in a form.
    pub(super) fn write(&self, form: Form, out: &mut String) {
        match form {
            Form::Original => out.push_str(self.json.get_or_init(|| {
                let mut text = String::new();
                self.delta.write(&self.delta.action, true, true, &mut text);
                text
            })),
            Form::Appeared => self.delta.write("I", true, true, out),
            Form::Disappeared => self.delta.write("D", false, true, out),
        }
    }
}
