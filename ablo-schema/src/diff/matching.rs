//! Matching: which model and field of the schema before is which of the next.
//!
//! Two schemas and hints in, a one-to-one matching out, or what is wrong with the hints. Hints come first, then
//! `renamedFrom`, then equal names. Every list is walked once.

use super::hints::{DropHint, FieldHint, Hints, Said};
use crate::diag::{Code, Diagnostics, SpanId, Suggest};
use crate::lookup::Lookup;
use crate::schema::{Model, Schema};
use std::collections::BTreeMap;

/// Two lists and who is whose, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// For each of the next, its place before.
    pub(super) prev: Vec<Option<usize>>,
    /// For each of those before, its place in the next.
    pub(super) next: Vec<Option<usize>>,
    /// Those before that a person says are dropped.
    pub(super) dropped: Vec<bool>,
}

impl Pairs {
    fn new(before: usize, after: usize) -> Self {
        Self { prev: vec![None; after], next: vec![None; before], dropped: vec![false; before] }
    }

    /// Pairs two that are both free.
    fn pair(&mut self, before: usize, after: usize) {
        if self.next[before].is_none() && self.prev[after].is_none() {
            self.next[before] = Some(after);
            self.prev[after] = Some(before);
        }
    }
}

/// The matching of two schemas.
#[derive(Clone, Debug, Default)]
pub(super) struct Matching {
    pub(super) models: Pairs,
    /// For each model of the next that was there before, its fields.
    pub(super) fields: Vec<Pairs>,
}

pub(super) fn matching(
    prev: Option<&Schema>,
    next: &Schema,
    hints: &Hints,
) -> Result<Matching, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let cx =
        &mut Matcher { prev, next, diagnostics: &mut diagnostics, suggest: Suggest::default() };
    let models = cx.models(hints);
    let fields = cx.fields(hints, &models);
    if diagnostics.has_errors() {
        diagnostics.sort();
        return Err(diagnostics);
    }
    Ok(Matching { models, fields })
}

struct Matcher<'s, 'd> {
    prev: Option<&'s Schema>,
    next: &'s Schema,
    diagnostics: &'d mut Diagnostics,
    suggest: Suggest,
}

impl<'s> Matcher<'s, '_> {
    fn before(&self) -> &'s [Model] {
        self.prev.map_or(&[], Schema::models)
    }

    fn models(&mut self, hints: &Hints) -> Pairs {
        let (before, after) = (self.before(), self.next.models());
        let mut pairs = Pairs::new(before.len(), after.len());
        let mut said = Claims::default();
        for hint in &hints.models {
            let from = self.place(self.prev, &hint.from, "the schema before");
            let to = self.place(Some(self.next), &hint.to, "the next schema");
            let (Some(from), Some(to)) = (from, to) else { continue };
            if said.claim(hint.at, from, to, self.diagnostics) {
                pairs.pair(from, to);
            }
        }
        for (to, model) in after.iter().enumerate() {
            if let Some(from) = self.prev.and_then(|prev| prev.by_key.get(model.key.as_str())) {
                pairs.pair(from.0, to);
            }
        }
        for key in &hints.dropped_models {
            let Some(at) = self.place(self.prev, key, "the schema before") else { continue };
            match pairs.next[at].and_then(|to| after.get(to)) {
                Some(model) => {
                    self.still_there(Code::RenameUnknownModel, key, model.key.as_str(), &said, at)
                }
                None => pairs.dropped[at] = true,
            }
        }
        pairs
    }

    /// Where a model stands in a schema.
    fn place(&mut self, schema: Option<&Schema>, key: &Said, whose: &str) -> Option<usize> {
        if let Some(id) = schema.and_then(|schema| schema.by_key.get(&*key.value)) {
            return Some(id.0);
        }
        let keys = schema.map_or(&[][..], Schema::models).iter().map(|model| model.key.as_str());
        let help = self.suggest.help(&key.value, keys);
        let message = format!("`{}` is no model of {whose}", key.value);
        self.diagnostics.push(Code::RenameUnknownModel, key.at, message).help =
            help.or_else(|| Some(format!("give a key of {whose}, or remove the hint")));
        None
    }

    fn still_there(&mut self, code: Code, name: &Said, now: &str, said: &Claims, before: usize) {
        match said.by_source.get(&before) {
            Some(hint) => {
                let message = format!("`{}` is both dropped and renamed to `{now}`", name.value);
                self.diagnostics
                    .push(Code::RenameConflict, name.at, message)
                    .help("remove the hint that is wrong")
                    .also(*hint, "renamed here");
            }
            None => {
                let message =
                    format!("`{}` is not dropped: the next schema has it as `{now}`", name.value);
                self.diagnostics
                    .push(code, name.at, message)
                    .help("remove it from `drops`, or from the next schema");
            }
        }
    }

    fn fields(&mut self, hints: &Hints, models: &Pairs) -> Vec<Pairs> {
        let mut by_model: BTreeMap<usize, (Vec<&FieldHint>, Vec<&DropHint>)> = BTreeMap::new();
        for hint in &hints.fields {
            if let Some(at) = self.matched(&hint.model, models) {
                by_model.entry(at).or_default().0.push(hint);
            }
        }
        for hint in &hints.dropped_fields {
            if let Some(at) = self.matched(&hint.model, models) {
                by_model.entry(at).or_default().1.push(hint);
            }
        }
        let (before, after) = (self.before(), self.next.models());
        let mut all = Vec::with_capacity(after.len());
        for (at, (next, from)) in after.iter().zip(&models.prev).enumerate() {
            let prev = from.and_then(|from| before.get(from));
            let (renames, drops) = by_model.remove(&at).unwrap_or_default();
            all.push(
                prev.map_or_else(Pairs::default, |prev| {
                    self.fields_of(prev, next, &renames, &drops)
                }),
            );
        }
        all
    }

    /// Where a model that both schemas have stands in the next.
    fn matched(&mut self, key: &Said, models: &Pairs) -> Option<usize> {
        let at = self.place(Some(self.next), key, "the next schema")?;
        if models.prev[at].is_none() {
            let message = format!(
                "`{}` is new in the next schema: none of its fields was there before",
                key.value
            );
            let said = self.diagnostics.push(Code::RenameUnknownModel, key.at, message);
            said.help("remove the hint, or say in `models` what the model was called before");
            return None;
        }
        Some(at)
    }

    fn fields_of(
        &mut self,
        prev: &Model,
        next: &Model,
        renames: &[&FieldHint],
        drops: &[&DropHint],
    ) -> Pairs {
        let mut pairs = Pairs::new(prev.fields.len(), next.fields.len());
        let mut said = Claims::default();
        for hint in renames {
            let from = self.field(prev, &hint.from, "the schema before");
            let to = self.field(next, &hint.to, "the next schema");
            let (Some(from), Some(to)) = (from, to) else { continue };
            if said.claim(hint.at, from, to, self.diagnostics) {
                pairs.pair(from, to);
            }
        }
        for (to, field) in next.fields.iter().enumerate() {
            let Some(old) = &field.facets.renamed_from else { continue };
            // A name that was there before, or an old one that was not: this is history.
            let Some(from) = prev.field_position(old.as_str()) else { continue };
            if prev.field_position(field.name.as_str()).is_some() {
                continue;
            }
            pairs.pair(from, to);
            if pairs.prev[to] != Some(from) {
                let hint = said.by_target.get(&to).or_else(|| said.by_source.get(&from));
                self.contradicts(hint.copied(), field.name.as_str(), old.as_str());
            }
        }
        for (to, field) in next.fields.iter().enumerate() {
            if let Some(from) = prev.field_position(field.name.as_str()) {
                pairs.pair(from, to);
            }
        }
        for drop in drops {
            let Some(at) = self.field(prev, &drop.field, "the schema before") else { continue };
            match pairs.next[at].and_then(|to| next.fields.get(to)) {
                Some(now) => self.still_there(
                    Code::RenameUnknownField,
                    &drop.field,
                    now.name.as_str(),
                    &said,
                    at,
                ),
                None => pairs.dropped[at] = true,
            }
        }
        pairs
    }

    fn field(&mut self, model: &Model, name: &Said, whose: &str) -> Option<usize> {
        if let Some(at) = model.field_position(&name.value) {
            return Some(at);
        }
        let help =
            self.suggest.help(&name.value, model.fields.iter().map(|field| field.name.as_str()));
        let message = format!("`{}` of {whose} has no field `{}`", model.key, name.value);
        self.diagnostics.push(Code::RenameUnknownField, name.at, message).help = help
            .or_else(|| Some("give the name of a declared field, or remove the hint".to_owned()));
        None
    }

    fn contradicts(&mut self, hint: Option<SpanId>, name: &str, old: &str) {
        // Two fields that are renamed from one are refused when a schema is checked: only a hint can be in the way.
        let Some(at) = hint else { return };
        let message =
            format!("this hint contradicts the schema, where `{name}` is renamed from `{old}`");
        self.diagnostics
            .push(Code::RenameConflict, at, message)
            .help("remove the hint, or `renamedFrom` in the schema");
    }
}

/// Which hint speaks of which place.
struct Claims {
    by_source: Lookup<usize, SpanId>,
    by_target: Lookup<usize, SpanId>,
}

impl Default for Claims {
    fn default() -> Self {
        Self { by_source: Lookup::with_capacity(0), by_target: Lookup::with_capacity(0) }
    }
}

impl Claims {
    /// Notes a hint, unless another speaks of the same.
    fn claim(&mut self, at: SpanId, from: usize, to: usize, diagnostics: &mut Diagnostics) -> bool {
        let taken = self.by_source.get(&from).map(|first| (*first, "from"));
        let taken = taken.or_else(|| self.by_target.get(&to).map(|first| (*first, "to")));
        if let Some((first, what)) = taken {
            diagnostics
                .push(Code::RenameConflict, at, format!("two hints have the same `{what}`"))
                .help("keep the one that is right")
                .also(first, "the other hint");
            return false;
        }
        self.by_source.insert(from, at);
        self.by_target.insert(to, at);
        true
    }
}
