//! Documents with one slip of the keyboard: each is reported where it is, and `ablo fix` restores
//! nearly all.
//!
//! The kinds of edits, their numbers and the seed are fixed. An edit that leaves a valid document
//! is counted and not measured.

use ablo_schema::front::json::members::{DOCUMENT, Kind, Level};
use ablo_schema::front::json::{self, Fixed};
use ablo_schema::{Code, Severity, canonical};
use ablo_tests::fixtures;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

const SEED: u64 = 18;

/// Each kind of edit with the number of its edits.
const KINDS: [(Edit, usize); 11] = [
    (Edit::Letters(Site::Name, Letters::Transposed), 40),
    (Edit::Letters(Site::Name, Letters::Dropped), 40),
    (Edit::Letters(Site::Name, Letters::Doubled), 40),
    (Edit::Letters(Site::Name, Letters::Changed), 40),
    (Edit::Letters(Site::Value, Letters::Transposed), 40),
    (Edit::Letters(Site::Value, Letters::Dropped), 40),
    (Edit::Letters(Site::Value, Letters::Doubled), 40),
    (Edit::Letters(Site::Value, Letters::Changed), 40),
    (Edit::Punctuation(Mark::Dropped), 90),
    (Edit::Punctuation(Mark::Doubled), 45),
    (Edit::Punctuation(Mark::Stray), 45),
];

#[derive(Clone, Copy, Debug)]
enum Edit {
    Letters(Site, Letters),
    Punctuation(Mark),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Site {
    /// The name of a member of Schema JSON.
    Name,
    /// A value of a member with a fixed set of words, or a boolean.
    Value,
}

#[derive(Clone, Copy, Debug)]
enum Letters {
    Transposed,
    Dropped,
    Doubled,
    Changed,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    /// A mark of the document is missing.
    Dropped,
    /// A mark of the document is there twice.
    Doubled,
    /// A mark is put between two tokens.
    Stray,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut next = self.0;
        next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let next = next ^ (next >> 31);
        usize::try_from(next % u64::try_from(limit).expect("a length")).expect("below a length")
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// A valid document with the places of its tokens.
struct Document {
    name: &'static str,
    text: String,
    canonical: String,
    /// Names, values and marks.
    tokens: Vec<Range<usize>>,
    names: Vec<Range<usize>>,
    values: Vec<Range<usize>>,
}

impl Document {
    fn new(name: &'static str, text: String) -> Self {
        let read = json::read_authored(&text);
        let canonical = canonical::print(&read.schema.expect("a valid document"));
        let (tokens, names, values) = (Vec::new(), Vec::new(), Vec::new());
        let mut document = Self { name, text, canonical, tokens, names, values };
        let mut walk = Walk { document: &mut document, at: 0 };
        walk.value(Place::Object(&DOCUMENT));
        document
    }
}

/// The values that the members of Schema JSON have at a place.
#[derive(Clone, Copy)]
enum Place {
    Object(&'static Level),
    Of(&'static Kind),
    Word,
    Any,
}

/// Finds the tokens of a valid document.
struct Walk<'d> {
    document: &'d mut Document,
    at: usize,
}

impl Walk<'_> {
    fn peek(&mut self) -> u8 {
        let rest = &self.document.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.document.text.as_bytes()[self.at]
    }

    fn token(&mut self) -> Range<usize> {
        let first = self.peek();
        let rest = &self.document.text.as_bytes()[self.at..];
        let length = match first {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => {
                let mut end = 1;
                while rest[end] != b'"' {
                    end += if rest[end] == b'\\' { 2 } else { 1 };
                }
                end + 1
            }
            _ => rest.iter().take_while(|byte| !b",}] \n".contains(byte)).count(),
        };
        let range = self.at..self.at + length;
        self.at += length;
        self.document.tokens.push(range.clone());
        range
    }

    fn value(&mut self, place: Place) {
        let first = self.peek();
        let token = self.token();
        match first {
            b'{' => self.object(place),
            b'[' => self.list(place),
            b'"' if matches!(place, Place::Of(Kind::OneOf(_)) | Place::Word) => {
                self.document.values.push(token.start + 1..token.end - 1);
            }
            b't' | b'f' if matches!(place, Place::Of(Kind::Boolean)) => {
                self.document.values.push(token);
            }
            _ => {}
        }
    }

    fn object(&mut self, place: Place) {
        let level = match place {
            Place::Object(level) => Some(level),
            Place::Of(Kind::Of(level)) => Some(*level),
            _ => None,
        };
        while self.peek() != b'}' {
            let name = self.token();
            let inside = name.start + 1..name.end - 1;
            let known = level.and_then(|level| {
                let name = &self.document.text[inside.clone()];
                level.members.iter().find(|known| known.name == name)
            });
            if known.is_some() {
                self.document.names.push(inside);
            }
            self.token();
            self.value(match (known, place) {
                (Some(known), _) => Place::Of(&known.kind),
                (None, Place::Of(Kind::MapOf(level))) => Place::Object(level),
                _ => Place::Any,
            });
            if self.peek() == b',' {
                self.token();
            }
        }
        self.token();
    }

    fn list(&mut self, place: Place) {
        while self.peek() != b']' {
            self.value(match place {
                Place::Of(Kind::ListOf(level)) => Place::Object(level),
                Place::Of(Kind::SomeOf(_)) => Place::Word,
                _ => Place::Any,
            });
            if self.peek() == b',' {
                self.token();
            }
        }
        self.token();
    }
}

/// A document after an edit.
struct Mutation<'d> {
    document: &'d Document,
    text: String,
    /// The tokens around the edit, in the new text.
    around: Range<usize>,
}

fn letters(random: &mut Random, word: &str, kind: Letters) -> Option<String> {
    let mut letters: Vec<char> = word.chars().collect();
    let at = random.below(letters.len());
    match kind {
        Letters::Transposed => {
            let next = at.checked_add(1).filter(|next| *next < letters.len())?;
            letters.swap(at, next);
        }
        Letters::Dropped => drop(letters.remove(at)),
        Letters::Doubled => letters.insert(at, letters[at]),
        Letters::Changed => {
            letters[at] = char::from(b'a' + u8::try_from(random.below(26)).expect("a letter"));
        }
    }
    let changed: String = letters.into_iter().collect();
    (changed != word).then_some(changed)
}

fn mutate<'d>(document: &'d Document, edit: Edit, random: &mut Random) -> Option<Mutation<'d>> {
    let text = &document.text;
    let (replaced, new) = match edit {
        Edit::Letters(site, kind) => {
            let sites = if site == Site::Name { &document.names } else { &document.values };
            let range = random.of(sites);
            let word = letters(random, &text[range.clone()], kind)?;
            (range, word)
        }
        Edit::Punctuation(Mark::Stray) => {
            let token = random.of(&document.tokens);
            let mark = random.of(&["{", "}", "[", "]", ",", ":", "\""]);
            (token.start..token.start, mark.to_owned())
        }
        Edit::Punctuation(mark) => {
            let token = random.of(&document.tokens);
            let ends = [token.start..token.start + 1, token.end - 1..token.end];
            let range = random.of(&ends);
            let is_mark = "{}[],:\"".contains(&text[range.clone()]);
            let twice = text[range.clone()].repeat(2);
            let new = if matches!(mark, Mark::Dropped) { String::new() } else { twice };
            is_mark.then_some((range, new))?
        }
    };
    let mutated = format!("{}{new}{}", &text[..replaced.start], &text[replaced.end..]);
    let around = around(document, &replaced, edit);
    let end = around.end + new.len() - replaced.len();
    Some(Mutation { document, text: mutated, around: around.start..end })
}

/// Returns the tokens before and after an edit of a mark, with all brackets of a row, since it
/// makes no difference which of them is missing.
fn around(document: &Document, edited: &Range<usize>, edit: Edit) -> Range<usize> {
    if let Edit::Letters(..) = edit {
        return edited.start.saturating_sub(1)..edited.end + 1;
    }
    let tokens = &document.tokens;
    let is_bracket = |at: usize| "{}[]".contains(&document.text[tokens[at].clone()]);
    let mut first = tokens.partition_point(|token| token.end <= edited.start).saturating_sub(1);
    let mut last = tokens.partition_point(|token| token.start < edited.end).min(tokens.len() - 1);
    while first > 0 && is_bracket(first) {
        first -= 1;
    }
    while last + 1 < tokens.len() && is_bracket(last) {
        last += 1;
    }
    tokens[first].start..tokens[last].end
}

#[derive(Default)]
struct Counts {
    edits: usize,
    valid: usize,
    placed: usize,
    single: usize,
    restored: usize,
}

fn expects(edit: Edit) -> &'static [Code] {
    match edit {
        Edit::Letters(Site::Name, _) => &[Code::JsonUnknownMember],
        Edit::Letters(Site::Value, _) => {
            &[Code::JsonUnknownValue, Code::FacetRelativeInvalid, Code::JsonSyntax]
        }
        Edit::Punctuation(_) => &[Code::JsonSyntax],
    }
}

fn measure(mutation: &Mutation<'_>, edit: Edit, counts: &mut Counts) -> Vec<String> {
    let text = &mutation.text;
    let read = json::read_authored(text);
    counts.edits += 1;
    if !read.diagnostics.has_errors() {
        counts.valid += 1;
        return Vec::new();
    }
    let located = json::locate(text, &read.diagnostics);
    let mut errors = located.iter().filter(|one| one.diagnostic.severity == Severity::Error);
    let shown = |one: &ablo_schema::front::Located<'_>| {
        let location = &one.location;
        format!("{}:{} {}", location.line, location.column, one.diagnostic.message)
    };
    let all: Vec<String> = errors.clone().map(shown).collect();
    let around = &mutation.around;
    let is_placed = errors.any(|one| {
        let edits = one.fix.iter().flat_map(|fix| &fix.edits).map(|(location, _)| location);
        let mut places = std::iter::once(&one.location).chain(edits);
        expects(edit).contains(&one.diagnostic.code)
            && places.any(|it| it.range.start <= around.end && around.start <= it.range.end)
    });
    let Fixed { read, text: fixed, .. } = json::fix(text, json::read_authored);
    let restored = read.schema.map(|schema| canonical::print(&schema));
    let is_restored = restored.as_ref() == Some(&mutation.document.canonical);
    counts.placed += usize::from(is_placed);
    counts.single += usize::from(all.len() == 1);
    counts.restored += usize::from(is_restored);
    let mut faults = Vec::new();
    let near = |text: &str| {
        let end = text.ceil_char_boundary((around.end + 40).min(text.len()));
        text[text.floor_char_boundary(around.start.saturating_sub(40))..end].to_owned()
    };
    for (is_good, what) in
        [(is_placed, "misplaced"), (all.len() == 1, "repeated"), (is_restored, "not restored")]
    {
        if !is_good {
            let (broken, fixed) = (near(text), near(&fixed));
            let name = mutation.document.name;
            faults.push(format!("{what} {name} {edit:?}\n{broken}\n=> {all:#?}\n=> {fixed}\n"));
        }
    }
    faults
}

fn documents() -> Vec<Document> {
    let read = |name: &str| {
        fixtures::read(&fixtures::root().join("schemas").join(name).join("schema.json"))
    };
    let newsroom = read("newsroom");
    let facets = read("field-facets");
    let on_lines = json::format(&newsroom).expect("JSON");
    let schema = json::read(&facets).schema.expect("a valid document");
    vec![
        Document::new("newsroom on short lines", newsroom),
        Document::new("newsroom on long lines", on_lines),
        Document::new("field-facets on short lines", facets),
        Document::new("field-facets on one line", canonical::print(&schema)),
        Document::new("relative-operations on short lines", read("relative-operations")),
    ]
}

#[test]
fn a_slip_of_the_keyboard_is_found_where_it_is_and_restored() {
    let documents = documents();
    let mut random = Random(SEED);
    let mut faults = Vec::new();
    let mut by_kind = BTreeMap::new();
    for (edit, count) in KINDS {
        let counts: &mut Counts = by_kind.entry(format!("{edit:?}")).or_default();
        for nth in 0..count {
            let document = &documents[nth % documents.len()];
            // An edit that changes nothing is drawn again.
            let mutation = std::iter::repeat_with(|| mutate(document, edit, &mut random))
                .find_map(|mutation| mutation)
                .expect("an edit");
            faults.extend(measure(&mutation, edit, counts));
        }
    }
    let mut table = String::new();
    let mut all = Counts::default();
    for (kind, it) in &by_kind {
        writeln!(
            table,
            "{kind:32} {:3} edits, {:2} valid, {:3} placed, {:3} with one error, {:3} restored",
            it.edits, it.valid, it.placed, it.single, it.restored
        )
        .expect("writing to a string succeeds");
        all.edits += it.edits;
        all.valid += it.valid;
        all.placed += it.placed;
        all.single += it.single;
        all.restored += it.restored;
    }
    let measured = all.edits - all.valid;
    println!(
        "{table}{} edits, {} valid, {} placed, {} with one error, {} restored",
        all.edits, all.valid, all.placed, all.single, all.restored
    );
    let report = faults.join("\n");
    assert_eq!(all.edits, 500);
    assert_eq!(all.placed, measured, "{report}");
    assert!(all.restored * 100 >= measured * 95, "{report}");
}
