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
        if matches!(delta.action.as_str(), "G" | "S") {
            return delta.groups.contains(&format!("user:{}", who.participant)).then_some(Form::Usual);
        }
        let sees = !delta.groups.is_disjoint(groups);
        let saw = delta.previous_groups.as_ref().map_or(sees, |previous| !previous.is_disjoint(groups));
        match (sees, saw) {
            (true, true) => Some(Form::Usual),
            (true, false) => Some(Form::Came),
            (false, true) => Some(Form::Went),
            // Who wrote it waits for it (gaps.md A20).
            (false, false) => (delta.capability.as_ref() == Some(&who.capability)).then_some(Form::Usual),
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
