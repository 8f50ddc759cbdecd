//! Matches the models and fields of the previous schema with those of the next.
//!
//! Returns a one-to-one matching, or the errors in the hints. Hints take precedence, then
//! `renamedFrom`, then equal names. The time is linear.

use super::cast::loses_digits;
use super::hints::{FieldHint, FieldName, Hints, SpannedName};
use crate::diag::{Code, Diagnostics, SpanId, Suggest};
use crate::lookup::Lookup;
use crate::schema::{Model, Schema};
use std::collections::BTreeMap;

/// A one-to-one matching of two lists, in both directions.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// For each next item, the index of the previous one.
    pub(super) prev: Vec<Option<usize>>,
    /// For each previous item, the index of the next one.
    pub(super) next: Vec<Option<usize>>,
    /// The previous items that a hint drops.
    pub(super) dropped: Vec<bool>,
}

impl Pairs {
    fn new(before: usize, after: usize) -> Self {
        Self { prev: vec![None; after], next: vec![None; before], dropped: vec![false; before] }
    }

    /// Matches two items unless one of them is matched already.
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
    /// The fields of each model of the next schema that existed before.
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
    cx.check_rounded(hints, &models, &fields);
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
        let mut used = HintIndex::default();
        for hint in &hints.models {
            let from = self.model_index(self.prev, &hint.from, "the previous schema");
            let to = self.model_index(Some(self.next), &hint.to, "the next schema");
            let (Some(from), Some(to)) = (from, to) else { continue };
            if used.insert(hint.at, from, to, self.diagnostics) {
                pairs.pair(from, to);
            }
        }
        for (to, model) in after.iter().enumerate() {
            if let Some(from) = self.prev.and_then(|prev| prev.by_key.get(model.key.as_str())) {
                pairs.pair(from.0, to);
            }
        }
        for key in &hints.dropped_models {
            let Some(at) = self.model_index(self.prev, key, "the previous schema") else {
                continue;
            };
            match pairs.next[at].and_then(|to| after.get(to)) {
                Some(model) => self.report_not_dropped(
                    Code::RenameUnknownModel,
                    key,
                    model.key.as_str(),
                    &used,
                    at,
                ),
                None => pairs.dropped[at] = true,
            }
        }
        pairs
    }

    /// Returns the index of a model in a schema.
    fn model_index(
        &mut self,
        schema: Option<&Schema>,
        key: &SpannedName,
        which: &str,
    ) -> Option<usize> {
        if let Some(id) = schema.and_then(|schema| schema.by_key.get(&*key.value)) {
            return Some(id.0);
        }
        let keys = schema.map_or(&[][..], Schema::models).iter().map(|model| model.key.as_str());
        let help = self.suggest.help(&key.value, keys);
        let message = format!("unknown model `{}` in {which}", key.value);
        self.diagnostics.push(Code::RenameUnknownModel, key.at, message).help =
            help.or_else(|| Some(format!("use a key of {which}, or remove the hint")));
        None
    }

    fn report_not_dropped(
        &mut self,
        code: Code,
        name: &SpannedName,
        now: &str,
        used: &HintIndex,
        before: usize,
    ) {
        match used.by_source.get(&before) {
            Some(hint) => {
                let message = format!("`{}` is both dropped and renamed to `{now}`", name.value);
                self.diagnostics
                    .push(Code::RenameConflict, name.at, message)
                    .help("remove one of the two hints")
                    .also(*hint, "renamed here");
            }
            None => {
                let message =
                    format!("`{}` is not dropped: it is `{now}` in the next schema", name.value);
                self.diagnostics
                    .push(code, name.at, message)
                    .help("remove it from `drops` or from the next schema");
            }
        }
    }

    fn fields(&mut self, hints: &Hints, models: &Pairs) -> Vec<Pairs> {
        let mut by_model: BTreeMap<usize, (Vec<&FieldHint>, Vec<&FieldName>)> = BTreeMap::new();
        for hint in &hints.fields {
            if let Some(at) = self.matched_model(&hint.model, models) {
                by_model.entry(at).or_default().0.push(hint);
            }
        }
        for hint in &hints.dropped_fields {
            if let Some(at) = self.matched_model(&hint.model, models) {
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

    /// Returns the index in the next schema of a model that both schemas have.
    fn matched_model(&mut self, key: &SpannedName, models: &Pairs) -> Option<usize> {
        let at = self.model_index(Some(self.next), key, "the next schema")?;
        if models.prev[at].is_none() {
            let message = format!(
                "model `{}` is new in the next schema, so it has no previous fields",
                key.value
            );
            let diagnostic = self.diagnostics.push(Code::RenameUnknownModel, key.at, message);
            diagnostic.help("remove the hint, or add the model's previous key to `models`");
            return None;
        }
        Some(at)
    }

    fn fields_of(
        &mut self,
        prev: &Model,
        next: &Model,
        renames: &[&FieldHint],
        drops: &[&FieldName],
    ) -> Pairs {
        let mut pairs = Pairs::new(prev.fields.len(), next.fields.len());
        let mut used = HintIndex::default();
        for hint in renames {
            let from = self.field(prev, &hint.from, "the previous schema");
            let to = self.field(next, &hint.to, "the next schema");
            let (Some(from), Some(to)) = (from, to) else { continue };
            if used.insert(hint.at, from, to, self.diagnostics) {
                pairs.pair(from, to);
            }
        }
        for (to, field) in next.fields.iter().enumerate() {
            let Some(old) = &field.facets.renamed_from else { continue };
            // Ignore a `renamedFrom` of an earlier migration: the previous schema has the new name
            // already or never had the old one.
            let Some(from) = prev.field_position(old.as_str()) else { continue };
            if prev.field_position(field.name.as_str()).is_some() {
                continue;
            }
            pairs.pair(from, to);
            if pairs.prev[to] != Some(from) {
                let hint = used.by_target.get(&to).or_else(|| used.by_source.get(&from));
                self.contradicts(hint.copied(), field.name.as_str(), old.as_str());
            }
        }
        for (to, field) in next.fields.iter().enumerate() {
            if let Some(from) = prev.field_position(field.name.as_str()) {
                pairs.pair(from, to);
            }
        }
        for drop in drops {
            let Some(at) = self.field(prev, &drop.field, "the previous schema") else { continue };
            match pairs.next[at].and_then(|to| next.fields.get(to)) {
                Some(now) => self.report_not_dropped(
                    Code::RenameUnknownField,
                    &drop.field,
                    now.name.as_str(),
                    &used,
                    at,
                ),
                None => pairs.dropped[at] = true,
            }
        }
        pairs
    }

    /// Checks that each rounded field had more digits before.
    fn check_rounded(&mut self, hints: &Hints, models: &Pairs, fields: &[Pairs]) {
        for FieldName { model, field } in &hints.rounded {
            let Some(at) = self.matched_model(model, models) else { continue };
            let Some(next) = self.next.models().get(at) else { continue };
            let Some(to) = self.field(next, field, "the next schema") else { continue };
            let from = fields.get(at).and_then(|pairs| *pairs.prev.get(to)?);
            let was = models.prev[at].and_then(|prev| self.before().get(prev)?.fields.get(from?));
            let format = next.fields.get(to).and_then(|field| field.facets.format);
            if !loses_digits(was.and_then(|was| was.facets.format), format) {
                let message = format!("no digits of `{}` have to be rounded", field.value);
                self.diagnostics
                    .push(Code::RenameUnknownField, field.at, message)
                    .help("name a decimal whose scale shrinks, or remove the hint");
            }
        }
    }

    fn field(&mut self, model: &Model, name: &SpannedName, which: &str) -> Option<usize> {
        if let Some(at) = model.field_position(&name.value) {
            return Some(at);
        }
        let help =
            self.suggest.help(&name.value, model.fields.iter().map(|field| field.name.as_str()));
        let message = format!("no field `{}` on model `{}` in {which}", name.value, model.key);
        self.diagnostics.push(Code::RenameUnknownField, name.at, message).help = help
            .or_else(|| Some("use the name of a declared field, or remove the hint".to_owned()));
        None
    }

    fn contradicts(&mut self, hint: Option<SpanId>, name: &str, old: &str) {
        // Validation rejects two fields with the same `renamedFrom`, so only a hint can conflict.
        let Some(at) = hint else { return };
        let message =
            format!("this hint contradicts the schema, where `{name}` is renamed from `{old}`");
        self.diagnostics
            .push(Code::RenameConflict, at, message)
            .help("remove the hint, or `renamedFrom` in the schema");
    }
}

/// The hints by the items that they name.
struct HintIndex {
    by_source: Lookup<usize, SpanId>,
    by_target: Lookup<usize, SpanId>,
}

impl Default for HintIndex {
    fn default() -> Self {
        Self { by_source: Lookup::with_capacity(0), by_target: Lookup::with_capacity(0) }
    }
}

impl HintIndex {
    /// Adds a hint, or reports a conflict with an earlier one.
    fn insert(
        &mut self,
        at: SpanId,
        from: usize,
        to: usize,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let taken = self.by_source.get(&from).map(|first| (*first, "from"));
        let taken = taken.or_else(|| self.by_target.get(&to).map(|first| (*first, "to")));
        if let Some((first, what)) = taken {
            diagnostics
                .push(Code::RenameConflict, at, format!("two hints have the same `{what}`"))
                .help("remove one of the two")
                .also(first, "the other hint");
            return false;
        }
        self.by_source.insert(from, at);
        self.by_target.insert(to, at);
        true
    }
}
