//! Resolves the numbers of values to lines and columns.
//!
//! The document is parsed a second time with serde_json, which now keeps only the text of each
//! value. Members and items are numbered in the same order as in the first pass, so a number means
//! the same value in both.

use super::node::{NameSeed, bom_length, offset_of};
use super::repair::repair;
use crate::diag::{Code, Diagnostics, Fix, Place, SpanId};
use crate::front::location::{Lines, Located, LocatedFix, Location};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Resolves the spans of the diagnostics that [`super::read`] returned for the same text.
///
/// ```
/// use ablo_schema::front::json;
/// let text = "{\n  \"v\": 4,\n  \"models\": {},\n  \"identityRoles\": []\n}";
/// let read = json::read(text);
/// let located = json::locate(text, &read.diagnostics);
/// assert_eq!((located[0].location.line, located[0].location.column), (2, 8));
/// assert_eq!(located[0].location.pointer, "/v");
/// ```
#[must_use]
pub fn locate<'d>(text: &str, diagnostics: &'d Diagnostics) -> Vec<Located<'d>> {
    if diagnostics.is_empty() {
        return Vec::new();
    }
    let places = Places::find(text, diagnostics);
    let mut located: Vec<Located<'d>> = diagnostics
        .iter()
        .map(|diagnostic| Located {
            diagnostic,
            location: places.location(diagnostic.at),
            also: diagnostic
                .also
                .iter()
                .map(|(at, label)| (places.location(*at), label.as_str()))
                .collect(),
            fix: diagnostic.fix.as_ref().and_then(|fix| places.fix(fix)),
        })
        .collect();
    if places.is_repaired {
        // Byte offsets of syntax errors come after all other spans.
        located.sort_by_key(|one| one.location.range.start);
    }
    located
}

/// The places of the spans of a text.
struct Places<'t> {
    text: &'t str,
    lines: Lines<'t>,
    spans: BTreeMap<SpanId, (Range<usize>, String)>,
    is_repaired: bool,
}

impl<'t> Places<'t> {
    fn find(text: &'t str, diagnostics: &Diagnostics) -> Self {
        let mut spans = BTreeMap::new();
        for diagnostic in diagnostics {
            let also = diagnostic.also.iter().map(|(at, _)| *at);
            let edits = diagnostic.fix.iter().flat_map(|fix| &fix.edits);
            let edited = edits.filter_map(|edit| match edit.place {
                Place::Span(at) | Place::EndOf(at) => Some(at),
                Place::Bytes(_) => None,
            });
            let wanted = std::iter::once(diagnostic.at).chain(also).chain(edited);
            spans.extend(wanted.map(|at| (at, (0..0, String::new()))));
        }
        let start = bom_length(text);
        // A text that cannot be repaired has only byte offsets.
        let is_parsed = walk(text, start, &mut spans);
        let is_repaired = diagnostics.iter().any(|one| one.code == Code::JsonSyntax);
        let repaired = if is_repaired && !is_parsed { repair(text) } else { None };
        if let Some(repaired) = &repaired {
            walk(&repaired.text, start, &mut spans);
            for (range, _) in spans.values_mut() {
                *range = repaired.original_range(range);
            }
        }
        for (at, (range, _)) in &mut spans {
            let Some(offset) = offset_of(*at) else { continue };
            let fault = repaired.as_ref().and_then(|repaired| repaired.fault_at(offset));
            let offset = text.floor_char_boundary(offset.min(text.len()));
            let next = text[offset..].chars().next().map_or(0, char::len_utf8);
            *range = fault.map_or(offset..offset + next, |fault| fault.range.clone());
        }
        Self { text, lines: Lines::new(text), spans, is_repaired: repaired.is_some() }
    }

    fn location(&self, at: SpanId) -> Location {
        let (range, pointer) = self.spans.get(&at).cloned().unwrap_or_default();
        Location { pointer, ..Location::new(0, &self.lines, range) }
    }

    /// Resolves the places of a fix. Returns `None` if one of them is not in the text.
    fn fix(&self, fix: &Fix) -> Option<LocatedFix> {
        let edits = fix.edits.iter().map(|edit| {
            let (range, text) = match &edit.place {
                Place::Span(at) => (self.spans.get(at)?.0.clone(), edit.text.clone()),
                Place::EndOf(at) => further_member(self.text, &self.spans.get(at)?.0, &edit.text)?,
                Place::Bytes(range) => (range.clone(), edit.text.clone()),
            };
            Some((Location::new(0, &self.lines, range), text))
        });
        let edits = edits.collect::<Option<Vec<_>>>()?;
        Some(LocatedFix { applicability: fix.applicability, edits })
    }
}

/// Returns the edit that adds a member at the end of an object, in a line of its own if the last
/// member has one.
fn further_member(
    text: &str,
    object: &Range<usize>,
    member: &str,
) -> Option<(Range<usize>, String)> {
    let inside = text.get(object.clone())?.strip_prefix('{')?.strip_suffix('}')?;
    let kept = inside.trim_end();
    if kept.is_empty() {
        return Some((object.clone(), format!("{{ {member} }}")));
    }
    let end = object.start + 1 + kept.len();
    let line = kept.rfind('\n').map(|at| &kept[at + 1..]);
    let is_broken = inside[kept.len()..].contains('\n');
    let separator = match line.filter(|_| is_broken && !kept.ends_with(',')) {
        Some(line) => format!(",\n{}", &line[..line.len() - line.trim_start().len()]),
        None if kept.ends_with(',') => return None,
        None => ", ".to_owned(),
    };
    Some((end..end, format!("{separator}{member}")))
}

/// Resolves the spans of values. Returns `false` if the text is not JSON.
fn walk(text: &str, start: usize, wanted: &mut BTreeMap<SpanId, (Range<usize>, String)>) -> bool {
    let mut walk = Walk { text, next: 0, wanted, pointer: String::new(), object_start: 0 };
    let root = serde_json::from_str::<&RawValue>(&text[start..]);
    root.map(|root| walk.value(root, None)).is_ok()
}

struct Walk<'t, 'w> {
    text: &'t str,
    next: u32,
    wanted: &'w mut BTreeMap<SpanId, (Range<usize>, String)>,
    pointer: String,
    /// The start of the current object.
    object_start: usize,
}

impl<'t> Walk<'t, '_> {
    /// Visits a value and the name before it.
    fn value(&mut self, raw: &'t RawValue, name: Option<Range<usize>>) {
        let id = self.next;
        self.next += 1;
        let range = self.range(raw.get());
        self.object_start = range.start;
        if let Some(found) = self.wanted.get_mut(&SpanId(id << 1)) {
            *found = (range.clone(), self.pointer.clone());
        }
        if let Some(found) = self.wanted.get_mut(&SpanId(id << 1 | 1)) {
            *found = (name.unwrap_or(range), self.pointer.clone());
        }
        let mut input = serde_json::Deserializer::from_str(raw.get());
        match raw.get().as_bytes().first() {
            // The text is one complete value that has been parsed before, so these calls cannot
            // fail.
            Some(b'{') => drop(input.deserialize_map(&mut *self)),
            Some(b'[') => drop(input.deserialize_seq(&mut *self)),
            _ => {}
        }
    }

    /// Returns the byte range of a slice of the text.
    fn range(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + part.len()
    }

    fn with_segment(&mut self, segment: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        for character in segment.chars() {
            match character {
                '~' => self.pointer.push_str("~0"),
                '/' => self.pointer.push_str("~1"),
                other => self.pointer.push(other),
            }
        }
        visit(self);
        self.pointer.truncate(length);
    }
}

impl<'t> Visitor<'t> for &mut Walk<'t, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut input: A) -> Result<(), A::Error> {
        let mut previous_end = self.object_start;
        while let Some(name) = input.next_key_seed(NameSeed)? {
            let raw: &'t RawValue = input.next_value()?;
            let value = self.range(raw.get());
            let name_range = name_before(self.text, previous_end, value.start);
            previous_end = value.end;
            self.with_segment(&name, |walk| walk.value(raw, Some(name_range)));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut input: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(raw) = input.next_element::<&'t RawValue>()? {
            self.with_segment(&at.to_string(), |walk| walk.value(raw, None));
            at += 1;
        }
        Ok(())
    }
}

/// Returns the range of the member name before a value, after the end of the previous one.
fn name_before(text: &str, previous_end: usize, value: usize) -> Range<usize> {
    let end = text[..value].trim_end().trim_end_matches(':').trim_end().len();
    let start = text[previous_end..end].find('"').map_or(end, |at| previous_end + at);
    start..end
}
