//! Possible renames: pairs of a removal and an addition.
//!
//! Nothing is guessed: each pair comes with the hints for either decision. The work is bounded: a
//! name is compared with at most [`MAX_COMPARISONS`] others.

use super::Diff;
use super::cast::Cast;
use super::json::{Object, text};
use crate::schema::{Field, Model};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of others that one name is compared with.
const MAX_COMPARISONS: usize = 64;

/// The minimum share of common fields of two models, in percent.
const MIN_MODEL_LIKENESS: u32 = 60;

/// A removal and an addition that may be a rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PossibleRename<'s> {
    /// The model in the next schema, for fields; `None` for models.
    pub model: Option<&'s str>,
    /// The previous name.
    pub from: &'s str,
    /// The next name.
    pub to: &'s str,
    /// The similarity in percent.
    pub likeness: u32,
}

impl PossibleRename<'_> {
    /// Returns the hints file for a rename.
    #[must_use]
    pub fn renamed(&self) -> Value {
        let (mut hint, mut out) = (Object::default(), Object::default());
        if let Some(model) = self.model {
            hint.text("model", model);
        }
        hint.text("from", self.from).text("to", self.to);
        let list = if self.model.is_some() { "fields" } else { "models" };
        out.put(list, Value::Array(vec![hint.value()]));
        out.value()
    }

    /// Returns the hints file for a drop and an addition.
    #[must_use]
    pub fn dropped(&self) -> Value {
        let (mut drops, mut out) = (Object::default(), Object::default());
        match self.model {
            Some(model) => {
                let mut hint = Object::default();
                hint.text("model", model).text("field", self.from);
                drops.put("fields", Value::Array(vec![hint.value()]));
            }
            None => {
                drops.put("models", Value::Array(vec![text(self.from)]));
            }
        }
        out.put("drops", drops.value());
        out.value()
    }

    pub(super) fn to_value(&self) -> Value {
        let mut out = Object::default();
        if let Some(model) = self.model {
            out.text("model", model);
        }
        out.text("from", self.from).text("to", self.to);
        out.put("likeness", Value::Number(f64::from(self.likeness)));
        out.put("renamed", self.renamed()).put("dropped", self.dropped());
        out.value()
    }
}

/// A possible rename by index.
struct Candidate {
    likeness: u32,
    from: usize,
    to: usize,
}

pub(super) fn possible<'s>(diff: &Diff<'s>) -> Vec<PossibleRename<'s>> {
    let mut all = models(diff);
    for (at, next, prev) in diff.models() {
        let (Some(prev), Some(pairs)) = (prev, diff.pairs(at)) else { continue };
        let free =
            |(at, to): (usize, &Option<usize>)| (to.is_none() && !pairs.dropped[at]).then_some(at);
        let removed: Vec<usize> = pairs.next.iter().enumerate().filter_map(free).collect();
        let added: Vec<usize> = pairs
            .prev
            .iter()
            .enumerate()
            .filter_map(|(at, from)| from.is_none().then_some(at))
            .collect();
        let found = one_to_one(fields(prev, next, &removed, &added));
        all.extend(found.into_iter().map(|found| PossibleRename {
            model: Some(next.key.as_str()),
            from: prev.fields[found.from].name.as_str(),
            to: next.fields[found.to].name.as_str(),
            likeness: found.likeness,
        }));
    }
    all
}

/// Returns the most likely pairs in which each name occurs at most once.
fn one_to_one(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|one| (std::cmp::Reverse(one.likeness), one.from, one.to));
    let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
    candidates.retain(|one| {
        let free = !from.contains(&one.from) && !to.contains(&one.to);
        if free {
            from.insert(one.from);
            to.insert(one.to);
        }
        free
    });
    candidates
}

fn fields(prev: &Model, next: &Model, removed: &[usize], added: &[usize]) -> Vec<Candidate> {
    let mut by_kind: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in removed {
        by_kind.entry(prev.fields[*at].kind.as_str()).or_default().push(*at);
    }
    let mut found = Vec::new();
    for to in added {
        let field = &next.fields[*to];
        for bucket in by_kind.values() {
            let fits = bucket.first().is_some_and(|at| {
                Cast::of_kinds(&prev.fields[*at].kind, &field.kind) == Cast::Safe
            });
            let bucket = if fits { &bucket[..] } else { &[] };
            found.extend(bucket.iter().take(MAX_COMPARISONS).map(|from| Candidate {
                likeness: likeness(&prev.fields[*from], field),
                from: *from,
                to: *to,
            }));
        }
    }
    found
}

fn likeness(from: &Field, to: &Field) -> u32 {
    let names = share(strsim::normalized_damerau_levenshtein(from.name.as_str(), to.name.as_str()));
    let same = [
        from.column == to.column,
        from.kind == to.kind,
        from.optional == to.optional,
        from.indexed == to.indexed,
        from.facets.format == to.facets.format,
    ];
    let weights = [30, 10, 5, 5, 5];
    names * 45 / 100
        + same.iter().zip(weights).filter(|(same, _)| **same).map(|(_, weight)| weight).sum::<u32>()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is between 0 and 1"
)]
fn share(part: f64) -> u32 {
    (part * 100.0) as u32
}

fn models<'s>(diff: &Diff<'s>) -> Vec<PossibleRename<'s>> {
    let (before, after) = (diff.before(), diff.next.models());
    let pairs = &diff.matching.models;
    let added: Vec<usize> = pairs
        .prev
        .iter()
        .enumerate()
        .filter_map(|(at, from)| from.is_none().then_some(at))
        .collect();
    let mut by_table: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_field: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for at in &added {
        by_table.insert(after[*at].table.as_str(), *at);
        for field in &after[*at].fields {
            by_field.entry((field.name.as_str(), field.kind.as_str())).or_default().push(*at);
        }
    }
    let mut found = Vec::new();
    for (from, model) in
        before.iter().enumerate().filter(|(at, _)| pairs.next[*at].is_none() && !pairs.dropped[*at])
    {
        let mut common: BTreeMap<usize, usize> = BTreeMap::new();
        for field in &model.fields {
            let same = by_field.get(&(field.name.as_str(), field.kind.as_str()));
            for to in same.into_iter().flatten().take(MAX_COMPARISONS) {
                *common.entry(*to).or_default() += 1;
            }
        }
        for (to, common) in common {
            let union = model.fields.len() + after[to].fields.len() - common;
            let likeness = u32::try_from(common * 100 / union.max(1)).unwrap_or(100);
            if likeness >= MIN_MODEL_LIKENESS {
                found.push(Candidate { likeness: likeness.min(99), from, to });
            }
        }
        if let Some(to) = by_table.get(model.table.as_str()) {
            found.push(Candidate { likeness: 100, from, to: *to });
        }
    }
    one_to_one(found)
        .into_iter()
        .map(|found| PossibleRename {
            model: None,
            from: before[found.from].key.as_str(),
            to: after[found.to].key.as_str(),
            likeness: found.likeness,
        })
        .collect()
}
