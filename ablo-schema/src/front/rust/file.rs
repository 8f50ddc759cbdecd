//! Whole sources, for build scripts and the command: nothing is compiled and nothing runs.
//!
//! A source may be several files: whoever reads says where `mod name;` leads. Places are found last, and only for what
//! there is to say.

use super::definition::{Definition, derives};
use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model};
use super::resolve::{Items, last, resolve};
use super::scan::{Piece, pieces, prelude, tokens};
use super::shape::Shapes;
use super::{Places, Reader, plain};
use crate::diag::{Code, Diagnostics, SpanId};
use crate::front::place::{Lines, Located, Place};
use crate::schema::Schema;
use proc_macro2::{Ident, Span, TokenStream};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::Item;

/// How large a source may be, in bytes.
pub const MOST_BYTES: usize = super::scan::MOST_BYTES;

/// How deep modules may stand in each other, and how many files a source may have: a `#[path]` may lead to itself.
const DEEPEST: usize = 32;
const MOST_FILES: usize = 4096;

/// What came of a source.
#[derive(Debug)]
pub struct Read {
    /// The schema, if nothing stands in the way.
    pub schema: Option<Schema>,
    /// Errors and warnings, ordered by place.
    pub diagnostics: Diagnostics,
    /// `mod name;` that nobody followed, with the modules around them: `a/b`.
    pub modules: Vec<String>,
    /// The texts that were read, in order: places say which they are in.
    pub texts: Vec<String>,
    places: Vec<(usize, Range<usize>)>,
}

/// A module whose text is asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// Which of the texts asks, from 0.
    pub file: usize,
    /// The modules around it in that text.
    pub inside: &'w [String],
    /// Its name.
    pub name: &'w str,
    /// What `#[path = "…"]` says.
    pub path: Option<&'w str>,
}

/// Gives the text of a module, or says why it cannot.
pub type Load<'l> = dyn FnMut(&Wanted<'_>) -> Result<String, String> + 'l;

/// Reads and checks the models of one text, and leaves `mod name;` alone. Every fault is reported in one run; none
/// panics.
///
/// Spans that this thread got from `proc_macro2` before are of no use afterwards.
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
    read_source(text, None)
}

/// Reads and checks the models of a text and of the modules that it declares.
///
/// ```
/// let read = ablo_schema::front::rust::file::read_with("mod tasks;", &mut |wanted| match wanted.name {
///     "tasks" => Ok("#[derive(AbloModel)] struct Task { title: String }".to_owned()),
///     _ => Err("there is no such file".to_owned()),
/// });
/// assert_eq!(read.schema.expect("the source is valid").models()[0].key.as_str(), "task");
/// assert_eq!(read.texts.len(), 2);
/// ```
#[must_use]
pub fn read_with(text: &str, load: &mut Load<'_>) -> Read {
    read_source(text, Some(load))
}

fn read_source(text: &str, load: Option<&mut Load<'_>>) -> Read {
    let mut reader = Reader::default();
    let mut source = Source { load, ..Source::default() };
    let mut found = Vec::new();
    source.add(text.to_owned(), &[], &mut found, &mut reader);
    let schema = read_pieces(found, &source, &mut reader);
    let Reader { mut diagnostics, places, .. } = reader;
    let places = source.number(&mut diagnostics, &places);
    diagnostics.sort();
    // Spans of this source would be kept for as long as the thread lives.
    proc_macro2::extra::invalidate_current_thread_spans();
    let schema = schema.filter(|_| !diagnostics.has_errors());
    Read { schema, diagnostics, modules: source.modules, texts: source.texts, places }
}

impl Read {
    /// Where the diagnostics are in the texts that were read.
    #[must_use]
    pub fn locate(&self) -> Vec<Located<'_>> {
        if self.diagnostics.is_empty() {
            return Vec::new();
        }
        let lines: Vec<Lines<'_>> = self.texts.iter().map(|text| Lines::new(text)).collect();
        let place = |at: SpanId| {
            let (file, range) = self.places.get(at.0 as usize).cloned().unwrap_or((0, 0..0));
            // Every place is in one of the texts.
            Place::of(file, &lines[file], range)
        };
        self.diagnostics
            .iter()
            .map(|diagnostic| Located {
                diagnostic,
                place: place(diagnostic.at),
                also: diagnostic
                    .also
                    .iter()
                    .map(|(at, what)| (place(*at), what.as_str()))
                    .collect(),
            })
            .collect()
    }
}

/// A piece that is not a module.
enum Found {
    Item(Box<Item>),
    Schema(TokenStream, Span),
}

/// The texts of a source while they are read.
#[derive(Default)]
struct Source<'l, 'm> {
    load: Option<&'l mut Load<'m>>,
    texts: Vec<String>,
    /// What spans say that they are in, for each text that has any.
    names: BTreeMap<String, usize>,
    modules: Vec<String>,
}

impl Source<'_, '_> {
    fn add(
        &mut self,
        text: String,
        around: &[String],
        found: &mut Vec<Found>,
        reader: &mut Reader,
    ) {
        let file = self.texts.len();
        let tokens = tokens(&text, reader);
        self.texts.push(text);
        let Some(tokens) = tokens else { return };
        if let Some(first) = tokens.clone().into_iter().next() {
            self.names.insert(first.span().file(), file);
        }
        self.walk(tokens, file, around, &[], found, reader);
    }

    fn walk(
        &mut self,
        tokens: TokenStream,
        file: usize,
        around: &[String],
        inside: &[String],
        found: &mut Vec<Found>,
        reader: &mut Reader,
    ) {
        for piece in pieces(tokens, reader) {
            match piece {
                Piece::Item(item) => found.push(Found::Item(item)),
                Piece::Schema(tokens, span) => found.push(Found::Schema(tokens, span)),
                Piece::Module(name, path, body) => {
                    if around.len() + inside.len() >= DEEPEST || self.texts.len() >= MOST_FILES {
                        let message =
                            format!("modules stand more than {DEEPEST} deep in each other");
                        reader
                            .say(Code::SourceTooLarge, name.span(), message)
                            .help("does a `#[path]` lead to itself?");
                        continue;
                    }
                    match body {
                        Some(body) => {
                            let inside = [inside, &[plain(&name)]].concat();
                            self.walk(body, file, around, &inside, found, reader);
                        }
                        None => {
                            self.follow(&name, path.as_deref(), file, around, inside, found, reader)
                        }
                    }
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "where it stands takes four of them")]
    fn follow(
        &mut self,
        ident: &Ident,
        path: Option<&str>,
        file: usize,
        around: &[String],
        inside: &[String],
        found: &mut Vec<Found>,
        reader: &mut Reader,
    ) {
        let name = plain(ident);
        let Some(load) = &mut self.load else {
            self.modules.push([inside, &[name]].concat().join("/"));
            return;
        };
        match load(&Wanted { file, inside, name: &name, path }) {
            Ok(text) => {
                let around = [around, inside, &[name]].concat();
                self.add(text, &around, found, reader);
            }
            Err(reason) => {
                reader
                    .say(
                        Code::RustModuleNotFound,
                        ident.span(),
                        format!("the module `{name}` cannot be read: {reason}"),
                    )
                    .help("create the file, or read the file that declares the models");
            }
        }
    }

    /// Numbers places in the order of the source, and finds the bytes that each of them is.
    fn number(&self, diagnostics: &mut Diagnostics, places: &Places) -> Vec<(usize, Range<usize>)> {
        let offsets: Vec<usize> = self.texts.iter().map(|text| prelude(text)).collect();
        let of = |at: SpanId| {
            let (first, last) = places.spans(at);
            let file = self.names.get(&first.file()).copied().unwrap_or(0);
            let range = range(first, last, offsets[file], &self.texts[file]);
            (file, range.start, range.end)
        };
        let all = diagnostics
            .iter()
            .flat_map(|it| std::iter::once(it.at).chain(it.also.iter().map(|(at, _)| *at)));
        let mut numbered: Vec<(usize, usize, usize)> = all.map(of).collect();
        numbered.sort_unstable();
        numbered.dedup();
        let number = |at: SpanId| {
            let at = numbered.binary_search(&of(at)).unwrap_or_default();
            SpanId(u32::try_from(at).unwrap_or(u32::MAX))
        };
        for diagnostic in diagnostics.iter_mut() {
            diagnostic.at = number(diagnostic.at);
            diagnostic.also.iter_mut().for_each(|(at, _)| *at = number(*at));
        }
        numbered.into_iter().map(|(file, start, end)| (file, start..end)).collect()
    }
}

fn range(first: Span, last: Span, offset: usize, text: &str) -> Range<usize> {
    let (start, end) = (first.byte_range().start, last.byte_range().end);
    // The place of the whole source is its start.
    let offset = if end == 0 { 0 } else { offset };
    let start = text.floor_char_boundary((start + offset).min(text.len()));
    start..text.floor_char_boundary((end + offset).clamp(start, text.len()))
}

#[derive(Default)]
struct Parts<'f> {
    models: Vec<RustModel>,
    enums: Vec<RustEnum>,
    shapes: Shapes<'f>,
    definitions: Vec<(Definition, Span)>,
}

fn read_pieces(found: Vec<Found>, source: &Source<'_, '_>, reader: &mut Reader) -> Option<Schema> {
    let (mut items, mut parts) = (Vec::new(), Parts::default());
    let mut broken = false;
    for piece in found {
        match piece {
            Found::Item(item) => items.push(*item),
            Found::Schema(tokens, span) => match Definition::parse(tokens, reader) {
                Some(definition) => parts.definitions.push((definition, span)),
                None => broken = true,
            },
        }
    }
    for item in &items {
        read_item(item, &mut parts, reader);
    }
    let Parts { mut models, mut enums, mut shapes, definitions } = parts;
    if let [(_, first), (_, second), ..] = definitions.as_slice() {
        let first = reader.at(*first);
        reader
            .say(
                Code::RustMixedSchema,
                *second,
                "a source has one schema, and this defines a second",
            )
            .help("put it into a source of its own")
            .also(first, "the first one");
    }
    let definition = definitions.into_iter().next().map(|(definition, _)| definition);
    let mut roles = Vec::new();
    let mut inline_items = Vec::new();
    if let Some(definition) = definition {
        definition.check_mixed(reader);
        roles = definition.raw_roles(reader);
        if definition.items.is_empty() {
            choose(&definition, &mut models, reader);
        } else {
            for model in &models {
                let message = format!(
                    "`{}` derives `AbloModel` beside a schema that declares its models",
                    model.ident
                );
                reader
                    .say(Code::RustMixedSchema, model.ident.span(), message)
                    .help("move it into `define_schema!`, or name all models there and derive `AbloModel` for each");
            }
            models.clear();
            enums.clear();
            inline_items = definition.items;
        }
    } else if models.is_empty()
        && source.modules.is_empty()
        && !broken
        && !reader.diagnostics.has_errors()
    {
        reader
            .say(Code::RustNoModels, Span::call_site(), "this source has no models")
            .help("a model is a struct with `#[derive(AbloModel)]`, or stands in `define_schema!`");
    }
    for item in &inline_items {
        super::definition::read_item(item, &mut models, &mut enums, &mut shapes, reader);
    }
    if broken {
        return None;
    }
    let raw = resolve(Items { models, enums, shapes, roles }, reader);
    crate::check::check(raw, &mut reader.diagnostics)
}

fn read_item<'f>(item: &'f Item, parts: &mut Parts<'f>, reader: &mut Reader) {
    match item {
        Item::Struct(item) if derives(&item.attrs, "AbloModel") => {
            parts.models.push(read_model(
                &item.ident,
                &item.generics,
                &item.attrs,
                &item.fields,
                reader,
            ));
        }
        Item::Struct(item) if derives(&item.attrs, "AbloEnum") => {
            reader
                .say(Code::RustNotAnEnum, item.ident.span(), format!("`{}` is no enum", item.ident))
                .help("a struct derives `AbloModel`");
        }
        Item::Struct(item) => drop(parts.shapes.structs.insert(plain(&item.ident), item)),
        Item::Enum(item) if derives(&item.attrs, "AbloEnum") => {
            parts.enums.push(read_enum(
                &item.ident,
                &item.generics,
                &item.attrs,
                &item.variants,
                true,
                reader,
            ));
        }
        Item::Enum(item) if derives(&item.attrs, "AbloModel") => {
            reader
                .say(
                    Code::RustNotAStruct,
                    item.ident.span(),
                    format!("`{}` is no struct", item.ident),
                )
                .help("a model is a struct with named fields; an enum derives `AbloEnum`");
        }
        Item::Enum(item) => drop(parts.shapes.enums.insert(plain(&item.ident), item)),
        _ => {}
    }
}

/// The models that a schema names, in its order; the others are none of it.
fn choose(definition: &Definition, models: &mut Vec<RustModel>, reader: &mut Reader) {
    let mut all: Vec<Option<RustModel>> = models.drain(..).map(Some).collect();
    let names: Vec<String> = all.iter().flatten().map(|model| plain(&model.ident)).collect();
    for path in definition.listed.iter().map(|listed| &listed.path) {
        let name = last(path);
        let found = all
            .iter_mut()
            .find(|one| one.as_ref().is_some_and(|model| plain(&model.ident) == name));
        if let Some(model) = found.and_then(Option::take) {
            models.push(model);
        } else if models.iter().any(|model| plain(&model.ident) == name) {
            let message = format!("the schema has `{name}` twice");
            reader.say_at(Code::RustRepeatedAttribute, path, message).help("remove one");
        } else {
            let help = reader.suggest.help(&name, names.iter().map(String::as_str));
            let message = format!("`{name}` is no model of this source");
            reader.say_at(Code::RustUnknownModel, path, message).help =
                help.or_else(|| Some("derive `AbloModel` for the struct".to_owned()));
        }
    }
    for model in all.into_iter().flatten() {
        let message = format!("`{}` is not in the schema `{}`", model.ident, definition.name);
        reader
            .say(Code::RustUnlistedModel, model.ident.span(), message)
            .help("name it in `define_schema!`, or remove the derive");
    }
}
