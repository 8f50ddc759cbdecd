//! Places: from the number of a value to its line and column.
//!
//! The document is walked once more with serde_json, this time keeping each value's text and nothing of its meaning.
//! Members and items are numbered as the parser numbers them, so that a number means the same value in both walks.

use super::node::{NameSeed, OFFSET, bom_length};
use crate::diag::{Diagnostics, SpanId};
use crate::front::place::{Lines, Located, Place};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Finds the places of diagnostics that [`super::read`] gave for this very text.
///
/// ```
/// use ablo_schema::front::json;
/// let text = "{\n  \"v\": 4,\n  \"models\": {},\n  \"identityRoles\": []\n}";
/// let read = json::read(text);
/// let located = json::locate(text, &read.diagnostics);
/// assert_eq!((located[0].place.line, located[0].place.column), (2, 8));
/// assert_eq!(located[0].place.pointer, "/v");
/// ```
#[must_use]
pub fn locate<'d>(text: &str, diagnostics: &'d Diagnostics) -> Vec<Located<'d>> {
    if diagnostics.is_empty() {
        return Vec::new();
    }
    let mut wanted: BTreeMap<SpanId, (Range<usize>, String)> = diagnostics
        .iter()
        .flat_map(|diagnostic| {
            std::iter::once(diagnostic.at).chain(diagnostic.also.iter().map(|(at, _)| *at))
        })
        .map(|at| (at, (0..0, String::new())))
        .collect();
    let start = bom_length(text);
    for (at, (range, _)) in &mut wanted {
        if at.0 & OFFSET != 0 {
            let offset = usize::try_from(at.0 & !OFFSET).unwrap_or(usize::MAX).min(text.len());
            *range = offset
                ..text[offset..].chars().next().map_or(offset, |next| offset + next.len_utf8());
        }
    }
    let mut walk = Walk { text, next: 0, wanted: &mut wanted, pointer: String::new(), opened: 0 };
    // A document that does not parse has only offsets, which are known already.
    let _ = serde_json::from_str::<&RawValue>(&text[start..]).map(|root| walk.value(root, None));
    let lines = Lines::new(text);
    let place = |at: SpanId| {
        let (range, pointer) = wanted.get(&at).cloned().unwrap_or_default();
        let (line, column) = lines.position(range.start);
        Place { file: 0, range, line, column, pointer }
    };
    diagnostics
        .iter()
        .map(|diagnostic| Located {
            diagnostic,
            place: place(diagnostic.at),
            also: diagnostic.also.iter().map(|(at, what)| (place(*at), what.as_str())).collect(),
        })
        .collect()
}

struct Walk<'t, 'w> {
    text: &'t str,
    next: u32,
    wanted: &'w mut BTreeMap<SpanId, (Range<usize>, String)>,
    pointer: String,
    /// Where the object being walked begins.
    opened: usize,
}

impl<'t> Walk<'t, '_> {
    /// Visits a value that stands in the text, and the name before it.
    fn value(&mut self, raw: &'t RawValue, name: Option<Range<usize>>) {
        let id = self.next;
        self.next += 1;
        let range = self.range(raw.get());
        self.opened = range.start;
        if let Some(place) = self.wanted.get_mut(&SpanId(id << 1)) {
            *place = (range.clone(), self.pointer.clone());
        }
        if let Some(place) = self.wanted.get_mut(&SpanId(id << 1 | 1)) {
            *place = (name.unwrap_or(range), self.pointer.clone());
        }
        let mut input = serde_json::Deserializer::from_str(raw.get());
        match raw.get().as_bytes().first() {
            // The text is one whole value that parsed before, so that neither walk can fail.
            Some(b'{') => drop(input.deserialize_map(&mut *self)),
            Some(b'[') => drop(input.deserialize_seq(&mut *self)),
            _ => {}
        }
    }

    /// Where a slice of the text stands in it.
    fn range(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + part.len()
    }

    fn within(&mut self, segment: &str, visit: impl FnOnce(&mut Self)) {
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
        let mut behind = self.opened;
        while let Some(name) = input.next_key_seed(NameSeed)? {
            let raw: &'t RawValue = input.next_value()?;
            let value = self.range(raw.get());
            let name_range = name_before(self.text, behind, value.start);
            behind = value.end;
            self.within(&name, |walk| walk.value(raw, Some(name_range)));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut input: A) -> Result<(), A::Error> {
        let mut at = 0_usize;
        while let Some(raw) = input.next_element::<&'t RawValue>()? {
            self.within(&at.to_string(), |walk| walk.value(raw, None));
            at += 1;
        }
        Ok(())
    }
}

/// The member name that ends before a value and starts behind what stands before it.
fn name_before(text: &str, behind: usize, value: usize) -> Range<usize> {
    let end = text[..value].trim_end().trim_end_matches(':').trim_end().len();
    let start = text[behind..end].find('"').map_or(end, |at| behind + at);
    start..end
}
