//! Which changes a connection hears of, and in what form.

use crate::engine::log::Delta;
use crate::identity::Identity;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A change at hand, with the text that most connections are sent.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delta: Delta,
    usual: OnceLock<String>,
}

/// How a connection hears of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it happened.
    Usual,
    /// The row came into sight.
    Came,
    /// The row went out of sight.
    Went,
}

impl Item {
    pub(super) fn new(delta: Delta) -> Self {
        Self { delta, usual: OnceLock::new() }
    }

    /// How a participant who sees these groups hears of it, if at all.
    pub(super) fn form(&self, who: &Identity, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        if matches!(delta.action.as_str(), "C" | "G" | "S") {
            return self.is_about(who).then(|| self.membership(groups)).flatten();
        }
        let sees = !delta.groups.is_disjoint(groups);
        let saw =
            delta.previous_groups.as_ref().map_or(sees, |previous| !previous.is_disjoint(groups));
        match (sees, saw) {
            (true, true) => Some(Form::Usual),
            (true, false) => Some(Form::Came),
            (false, true) => Some(Form::Went),
            // Who wrote it waits for it (docs/protocol/differences.md A20).
            (false, false) => {
                (delta.capability.as_ref() == Some(&who.capability)).then_some(Form::Usual)
            }
        }
    }

    /// Whether it changes what a participant sees, all its rows at once.
    pub(super) fn regroups(&self, who: &Identity) -> bool {
        matches!(self.delta.action.as_str(), "G" | "S")
            && self.delta.previous_groups.is_none()
            && self.is_about(who)
    }

    /// Whether it tells this participant what it sees, or who acts for that.
    fn is_about(&self, who: &Identity) -> bool {
        let named = |id: &String| self.delta.groups.contains(&format!("user:{id}"));
        named(&who.participant) || who.on_behalf_of.as_ref().is_some_and(named)
    }

    /// How a participant hears of a group that it was given or that was taken from it, and of each row.
    fn membership(&self, groups: &BTreeSet<String>) -> Option<Form> {
        let delta = &self.delta;
        let Some(seen_by) = &delta.previous_groups else { return Some(Form::Usual) };
        // Beside the group in question, which may be one of several ways to see the row.
        let otherwise =
            seen_by.iter().any(|group| groups.contains(group) && !delta.groups.contains(group));
        let sees = !seen_by.is_disjoint(groups);
        match (delta.action.as_str(), sees) {
            ("C", true) if !otherwise => Some(Form::Usual),
            ("S", false) => Some(Form::Went),
            _ => None,
        }
    }

    /// The change as one delta of a frame.
    pub(super) fn write(&self, form: Form, out: &mut String) {
        match form {
            Form::Usual => out.push_str(self.usual.get_or_init(|| {
                let mut text = String::new();
                self.delta.write(&self.delta.action, true, true, &mut text);
                text
            })),
            Form::Came => self.delta.write("I", true, true, out),
            Form::Went => self.delta.write("D", false, true, out),
        }
    }
}
