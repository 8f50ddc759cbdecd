//! Whole source files, for build scripts and the command: nothing is compiled and nothing runs.

use super::definition::{Definition, derives, is_plain};
use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model};
use super::resolve::{Items, last, resolve};
use super::shape::Shapes;
use super::{Reader, plain};
use crate::diag::{Code, Diagnostics, SpanId};
use crate::front::place::{Lines, Located, Place};
use crate::schema::Schema;
use proc_macro2::Span;
use std::ops::Range;
use syn::{Item, ItemMacro, ItemMod};

/// How large a source may be, in bytes.
pub const MOST_BYTES: usize = 16 << 20;

/// How deep brackets may stand in each other, and how many operators in a row: syn recurses over both.
const DEEPEST: usize = 256;

/// What came of a source.
#[derive(Debug)]
pub struct Read {
    /// The schema, if nothing stands in the way.
    pub schema: Option<Schema>,
    /// Errors and warnings, ordered by place.
    pub diagnostics: Diagnostics,
    /// `mod name;` of the source, with the folders of the modules around them: files that belong to it.
    pub modules: Vec<String>,
    ranges: Vec<Range<usize>>,
}

/// Reads and checks the models of a Rust source. Every fault is reported in one run; none panics.
///
/// ```
/// let read = ablo_schema::front::rust::file::read("
///     #[derive(AbloModel)]
///     #[ablo(key = \"tasks\", mutable)]
///     struct Task { title: String, done: bool }
/// ");
/// let schema = read.schema.expect("the source is valid");
/// assert_eq!(schema.models()[0].fields[1].name.as_str(), "done");
/// ```
#[must_use]
pub fn read(text: &str) -> Read {
    let mut reader = Reader::default();
    let schema = guarded(text, &mut reader).and_then(|file| read_items(&file.items, &mut reader));
    let Reader { mut diagnostics, places, .. } = reader;
    diagnostics.sort();
    let ranges = places.0.iter().map(|(first, last)| range(*first, *last, text)).collect();
    // Spans of this source are kept for as long as the thread lives, unless told otherwise.
    proc_macro2::extra::invalidate_current_thread_spans();
    let (schema, modules) = schema.map_or((None, Vec::new()), |(schema, modules)| (schema, modules));
    Read { schema: schema.filter(|_| !diagnostics.has_errors()), diagnostics, modules, ranges }
}

impl Read {
    /// Where the diagnostics are in the text that was read.
    #[must_use]
    pub fn locate<'d>(&'d self, text: &str) -> Vec<Located<'d>> {
        let lines = Lines::new(text);
        let place = |at: SpanId| Place::of(&lines, self.ranges.get(at.0 as usize).cloned().unwrap_or(0..0));
        self.diagnostics
            .iter()
            .map(|diagnostic| Located {
                diagnostic,
                place: place(diagnostic.at),
                also: diagnostic.also.iter().map(|(at, what)| (place(*at), what.as_str())).collect(),
            })
            .collect()
    }
}

fn range(first: Span, last: Span, text: &str) -> Range<usize> {
    let (start, end) = (first.byte_range().start, last.byte_range().end);
    let start = start.min(text.len());
    start..end.clamp(start, text.len())
}

/// Parses, unless the text would exhaust memory or the stack.
fn guarded(text: &str, reader: &mut Reader) -> Option<syn::File> {
    let too_much = if text.len() > MOST_BYTES {
        Some(format!("the source has {} bytes, more than {MOST_BYTES}", text.len()))
    } else {
        is_deep(text).then(|| format!("brackets or operators stand more than {DEEPEST} deep"))
    };
    if let Some(message) = too_much {
        reader.say(Code::SourceTooLarge, Span::call_site(), message).help("put the models into a source of their own");
        return None;
    }
    match syn::parse_file(text) {
        Ok(file) => Some(file),
        Err(error) => {
            reader.syntax(error);
            None
        }
    }
}

fn is_deep(text: &str) -> bool {
    let (mut open, mut run, mut opening) = (0_usize, 0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => (open, run) = (open + 1, 0),
            b')' | b']' | b'}' => (open, run) = (open.saturating_sub(1), 0),
            b'!' | b'-' | b'*' | b'&' | b'<' | b'|' | b'+' => run += 1,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => run = 0,
        }
        // Type arguments nest without brackets of their own: `A<A<A<…`.
        opening = match byte {
            b'<' => opening + 1,
            b'>' => opening.saturating_sub(1),
            b';' | b'{' | b'}' => 0,
            _ => opening,
        };
        // Rules and comment lines are runs too; they are far from this long.
        if open > DEEPEST || run > 4 * DEEPEST || opening > DEEPEST {
            return true;
        }
    }
    false
}

#[derive(Default)]
struct Found<'f> {
    models: Vec<RustModel>,
    enums: Vec<RustEnum>,
    shapes: Shapes<'f>,
    schemas: Vec<&'f ItemMacro>,
    modules: Vec<String>,
}

fn read_items(items: &[Item], reader: &mut Reader) -> Option<(Option<Schema>, Vec<String>)> {
    let mut found = Found::default();
    walk(items, "", &mut found, reader);
    let definitions: Vec<(&ItemMacro, Option<Definition>)> =
        found.schemas.iter().map(|item| (*item, Definition::parse(item.mac.tokens.clone(), reader))).collect();
    if let [(first, _), (second, _), ..] = definitions.as_slice() {
        let first = reader.at_tokens(&first.mac.path);
        reader
            .say_at(Code::RustMixedSchema, &second.mac.path, "a source has one schema, and this defines a second")
            .help("put it into a source of its own")
            .also(first, "the first one");
    }
    let definition = match definitions.into_iter().next() {
        Some((_, None)) => return None,
        Some((_, definition)) => definition,
        None => None,
    };
    let roles = definition.as_ref().map(|definition| definition.raw_roles(reader)).unwrap_or_default();
    let mut items: Vec<Item> = Vec::new();
    if let Some(definition) = definition {
        definition.check_mixed(reader);
        if definition.items.is_empty() {
            choose(&definition, &mut found.models, reader);
        } else {
            items = definition.items;
        }
    }
    let Found { mut models, mut enums, mut shapes, modules, .. } = found;
    for item in &items {
        inline(item, &mut models, &mut enums, &mut shapes, reader);
    }
    if models.is_empty() && modules.is_empty() && !reader.diagnostics.has_errors() {
        reader
            .say(Code::RustNoModels, Span::call_site(), "this source has no models")
            .help("a model is a struct with `#[derive(AbloModel)]`, or stands in `define_schema!`");
    }
    let raw = resolve(Items { models, enums, shapes, roles }, reader);
    Some((crate::check::check(raw, &mut reader.diagnostics), modules))
}

fn walk<'f>(items: &'f [Item], folder: &str, found: &mut Found<'f>, reader: &mut Reader) {
    for item in items {
        match item {
            Item::Struct(item) if derives(&item.attrs, "AbloModel") => {
                found.models.push(read_model(&item.ident, &item.generics, &item.attrs, &item.fields, reader));
            }
            Item::Struct(item) => drop(found.shapes.structs.insert(plain(&item.ident), item)),
            Item::Enum(item) if derives(&item.attrs, "AbloEnum") => {
                found.enums.push(read_enum(&item.ident, &item.generics, &item.attrs, &item.variants, true, reader));
            }
            Item::Enum(item) => drop(found.shapes.enums.insert(plain(&item.ident), item)),
            Item::Macro(item) if item.mac.path.segments.last().is_some_and(|last| last.ident == "define_schema") => {
                found.schemas.push(item);
            }
            Item::Mod(ItemMod { ident, content, attrs, .. }) if !is_test(attrs) => match content {
                Some((_, items)) => walk(items, &format!("{folder}{}/", plain(ident)), found, reader),
                None => found.modules.push(format!("{folder}{}", plain(ident))),
            },
            _ => {}
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

fn inline<'f>(
    item: &'f Item,
    models: &mut Vec<RustModel>,
    enums: &mut Vec<RustEnum>,
    shapes: &mut Shapes<'f>,
    reader: &mut Reader,
) {
    match item {
        Item::Struct(item) if is_plain(&item.attrs) => drop(shapes.structs.insert(plain(&item.ident), item)),
        Item::Struct(item) => models.push(read_model(&item.ident, &item.generics, &item.attrs, &item.fields, reader)),
        Item::Enum(item) if is_plain(&item.attrs) => drop(shapes.enums.insert(plain(&item.ident), item)),
        Item::Enum(item) => {
            enums.push(read_enum(&item.ident, &item.generics, &item.attrs, &item.variants, false, reader));
        }
        Item::Use(_) => {}
        other => {
            reader
                .say_at(Code::RustSyntax, other, "a schema holds structs and enums")
                .help("move this out of the macro");
        }
    }
}

/// The models that a schema names, in its order; the others are none of it.
fn choose(definition: &Definition, models: &mut Vec<RustModel>, reader: &mut Reader) {
    let mut all: Vec<Option<RustModel>> = models.drain(..).map(Some).collect();
    for path in &definition.paths {
        let name = last(path);
        let found = all.iter_mut().find(|one| one.as_ref().is_some_and(|model| plain(&model.ident) == name));
        if let Some(model) = found.and_then(Option::take) {
            models.push(model);
            continue;
        }
        let twice = models.iter().any(|model| plain(&model.ident) == name);
        let names: Vec<String> = all.iter().flatten().map(|model| plain(&model.ident)).collect();
        let help = reader.suggest.help(&name, names.iter().map(String::as_str));
        let message = if twice {
            format!("the schema has `{name}` twice")
        } else {
            format!("`{name}` is no model of this source")
        };
        let said =
            reader.say_at(if twice { Code::RustRepeatedAttribute } else { Code::RustUnknownModel }, path, message);
        said.help = if twice { Some("remove one".to_owned()) } else { help };
    }
}
