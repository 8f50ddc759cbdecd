//! Reads whole Rust sources for build scripts and the command, without compiling or running them.
//!
//! A source may consist of several files: the caller supplies the text of each `mod name;`. Spans
//! are resolved last, and only those of diagnostics.

use super::definition::{Definition, derives};
use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model};
use super::resolve::{Items, last, resolve};
use super::scan::{Piece, pieces, prefix_length, tokens};
use super::shape::Shapes;
use super::{ReadContext, SpanTable, plain};
use crate::diag::{Code, Diagnostics, SpanId};
use crate::front::location::{Lines, Located, Location};
use crate::schema::Schema;
use proc_macro2::{Ident, Span, TokenStream};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::Item;

/// The maximum size of a source in bytes.
pub const MAX_BYTES: usize = super::scan::MAX_BYTES;

/// The maximum nesting depth of modules and the maximum number of files: a `#[path]` may refer to
/// its own file.
const MAX_MODULE_DEPTH: usize = 32;
const MAX_FILES: usize = 4096;

/// The result of reading a source.
#[derive(Debug)]
pub struct Read {
    /// The schema, unless there are errors.
    pub schema: Option<Schema>,
    /// Errors and warnings in span order.
    pub diagnostics: Diagnostics,
    /// The modules (`mod name;`) that were not loaded, with the inline modules around them: `a/b`.
    pub modules: Vec<String>,
    /// The texts in the order in which they were read; locations refer to them by index.
    pub texts: Vec<String>,
    spans: Vec<(usize, Range<usize>)>,
}

/// A request for the text of a module.
#[derive(Clone, Debug)]
pub struct ModuleRequest<'w> {
    /// The index of the text that declares the module.
    pub file: usize,
    /// The inline modules around the declaration in that text.
    pub inline_modules: &'w [String],
    /// The name of the module.
    pub name: &'w str,
    /// The value of `#[path = "…"]`.
    pub path: Option<&'w str>,
}

/// Returns the text of a module, or the reason why it cannot be read.
pub type LoadModule<'l> = dyn FnMut(&ModuleRequest<'_>) -> Result<String, String> + 'l;

/// Reads and validates the models of one text without loading the files of modules. All errors are
/// reported in one run.
///
/// Invalidates all spans that this thread got from `proc_macro2` before.
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

/// Reads and validates the models of a text and of the modules that it declares.
///
/// ```
/// use ablo_schema::front::rust::file::read_with;
/// let read = read_with("mod tasks;", &mut |request| match request.name {
///     "tasks" => Ok("#[derive(AbloModel)] struct Task { title: String }".to_owned()),
///     _ => Err("there is no such file".to_owned()),
/// });
/// assert_eq!(read.schema.expect("the source is valid").models()[0].key.as_str(), "task");
/// assert_eq!(read.texts.len(), 2);
/// ```
#[must_use]
pub fn read_with(text: &str, load: &mut LoadModule<'_>) -> Read {
    read_source(text, Some(load))
}

fn read_source(text: &str, load: Option<&mut LoadModule<'_>>) -> Read {
    let mut cx = ReadContext::default();
    let mut source = Source { load, ..Source::default() };
    let mut found = Vec::new();
    source.add(text.to_owned(), &[], &mut found, &mut cx);
    let schema = read_pieces(found, &source, &mut cx);
    let ReadContext { mut diagnostics, spans, .. } = cx;
    let spans = source.number(&mut diagnostics, &spans);
    diagnostics.sort();
    // Otherwise the thread would keep the spans of this source.
    proc_macro2::extra::invalidate_current_thread_spans();
    let schema = schema.filter(|_| !diagnostics.has_errors());
    Read { schema, diagnostics, modules: source.modules, texts: source.texts, spans }
}

impl Read {
    /// Returns the diagnostics with their locations in the texts that were read.
    #[must_use]
    pub fn locate(&self) -> Vec<Located<'_>> {
        if self.diagnostics.is_empty() {
            return Vec::new();
        }
        let lines: Vec<Lines<'_>> = self.texts.iter().map(|text| Lines::new(text)).collect();
        let location = |at: SpanId| {
            let (file, range) = self.spans.get(at.0 as usize).cloned().unwrap_or((0, 0..0));
            // Every span is in one of the texts.
            Location::new(file, &lines[file], range)
        };
        self.diagnostics
            .iter()
            .map(|diagnostic| Located {
                diagnostic,
                location: location(diagnostic.at),
                also: diagnostic
                    .also
                    .iter()
                    .map(|(at, label)| (location(*at), label.as_str()))
                    .collect(),
                fix: None,
            })
            .collect()
    }
}

/// A piece of a source other than a module.
enum SourcePiece {
    Item(Box<Item>),
    Schema(TokenStream, Span),
}

/// The state of reading a source.
#[derive(Default)]
struct Source<'l, 'm> {
    load: Option<&'l mut LoadModule<'m>>,
    texts: Vec<String>,
    /// The index of each text by the file name in its spans.
    names: BTreeMap<String, usize>,
    modules: Vec<String>,
}

impl Source<'_, '_> {
    fn add(
        &mut self,
        text: String,
        file_modules: &[String],
        found: &mut Vec<SourcePiece>,
        cx: &mut ReadContext,
    ) {
        let file = self.texts.len();
        let tokens = tokens(&text, cx);
        self.texts.push(text);
        let Some(tokens) = tokens else { return };
        if let Some(first) = tokens.clone().into_iter().next() {
            self.names.insert(first.span().file(), file);
        }
        self.walk(tokens, file, file_modules, &[], found, cx);
    }

    fn walk(
        &mut self,
        tokens: TokenStream,
        file: usize,
        file_modules: &[String],
        inline_modules: &[String],
        found: &mut Vec<SourcePiece>,
        cx: &mut ReadContext,
    ) {
        for piece in pieces(tokens, cx) {
            match piece {
                Piece::Item(item) => found.push(SourcePiece::Item(item)),
                Piece::Schema(tokens, span) => found.push(SourcePiece::Schema(tokens, span)),
                Piece::Module(name, path, body) => {
                    if file_modules.len() + inline_modules.len() >= MAX_MODULE_DEPTH
                        || self.texts.len() >= MAX_FILES
                    {
                        let message =
                            format!("modules are nested more than {MAX_MODULE_DEPTH} levels deep");
                        cx.report(Code::SourceTooLarge, name.span(), message)
                            .help("check whether a `#[path]` refers to its own file");
                        continue;
                    }
                    match body {
                        Some(body) => {
                            let inline_modules = [inline_modules, &[plain(&name)]].concat();
                            self.walk(body, file, file_modules, &inline_modules, found, cx);
                        }
                        None => self.follow(
                            &name,
                            path.as_deref(),
                            file,
                            file_modules,
                            inline_modules,
                            found,
                            cx,
                        ),
                    }
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the position takes four arguments")]
    fn follow(
        &mut self,
        ident: &Ident,
        path: Option<&str>,
        file: usize,
        file_modules: &[String],
        inline_modules: &[String],
        found: &mut Vec<SourcePiece>,
        cx: &mut ReadContext,
    ) {
        let name = plain(ident);
        let Some(load) = &mut self.load else {
            self.modules.push([inline_modules, &[name]].concat().join("/"));
            return;
        };
        match load(&ModuleRequest { file, inline_modules, name: &name, path }) {
            Ok(text) => {
                let file_modules = [file_modules, inline_modules, &[name]].concat();
                self.add(text, &file_modules, found, cx);
            }
            Err(reason) => {
                cx.report(
                    Code::RustModuleNotFound,
                    ident.span(),
                    format!("cannot read module `{name}`: {reason}"),
                )
                .help("create the file, or read the file that declares the models");
            }
        }
    }

    /// Numbers the spans in source order and resolves them to byte ranges.
    fn number(
        &self,
        diagnostics: &mut Diagnostics,
        spans: &SpanTable,
    ) -> Vec<(usize, Range<usize>)> {
        let offsets: Vec<usize> = self.texts.iter().map(|text| prefix_length(text)).collect();
        let span_of = |at: SpanId| {
            let (first, last) = spans.spans(at);
            let file = self.names.get(&first.file()).copied().unwrap_or(0);
            let range = range(first, last, offsets[file], &self.texts[file]);
            (file, range.start, range.end)
        };
        let all = diagnostics
            .iter()
            .flat_map(|it| std::iter::once(it.at).chain(it.also.iter().map(|(at, _)| *at)));
        let mut numbered: Vec<(usize, usize, usize)> = all.map(span_of).collect();
        numbered.sort_unstable();
        numbered.dedup();
        let number = |at: SpanId| {
            let at = numbered.binary_search(&span_of(at)).unwrap_or_default();
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
    // The span of the whole source is its start.
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

fn read_pieces(
    found: Vec<SourcePiece>,
    source: &Source<'_, '_>,
    cx: &mut ReadContext,
) -> Option<Schema> {
    let (mut items, mut parts) = (Vec::new(), Parts::default());
    let mut broken = false;
    for piece in found {
        match piece {
            SourcePiece::Item(item) => items.push(*item),
            SourcePiece::Schema(tokens, span) => match Definition::parse(tokens, cx) {
                Some(definition) => parts.definitions.push((definition, span)),
                None => broken = true,
            },
        }
    }
    for item in &items {
        read_item(item, &mut parts, cx);
    }
    let Parts { mut models, mut enums, mut shapes, definitions } = parts;
    if let [(_, first), (_, second), ..] = definitions.as_slice() {
        let first = cx.at(*first);
        cx.report(
            Code::RustMixedSchema,
            *second,
            "a source defines one schema, and this is the second",
        )
        .help("move it to a source of its own")
        .also(first, "first defined here");
    }
    let definition = definitions.into_iter().next().map(|(definition, _)| definition);
    let (mut roles, mut mutable) = (Vec::new(), None);
    let mut inline_items = Vec::new();
    if let Some(definition) = definition {
        definition.check_mixed(cx);
        roles = definition.raw_roles(cx);
        mutable = definition.mutable(cx);
        if definition.items.is_empty() {
            choose(&definition, &mut models, cx);
        } else {
            for model in &models {
                let message = format!(
                    "`{}` derives `AbloModel`, but the schema declares its models in \
                     `define_schema!`",
                    model.ident
                );
                cx.report(Code::RustMixedSchema, model.ident.span(), message).help(
                    "move it into `define_schema!`, or name all models there and derive \
                        `AbloModel` for each",
                );
            }
            models.clear();
            enums.clear();
            inline_items = definition.items;
        }
    } else if models.is_empty()
        && source.modules.is_empty()
        && !broken
        && !cx.diagnostics.has_errors()
    {
        cx.report(Code::RustNoModels, Span::call_site(), "no models in this source")
            .help("derive `AbloModel` for a struct, or declare models in `define_schema!`");
    }
    for item in &inline_items {
        super::definition::read_item(item, &mut models, &mut enums, &mut shapes, cx);
    }
    if broken {
        return None;
    }
    let raw = resolve(Items { models, enums, shapes, roles, mutable }, cx);
    crate::check::check(raw, &mut cx.diagnostics)
}

fn read_item<'f>(item: &'f Item, parts: &mut Parts<'f>, cx: &mut ReadContext) {
    match item {
        Item::Struct(item) if derives(&item.attrs, "AbloModel") => {
            parts.models.push(read_model(
                &item.ident,
                &item.generics,
                &item.attrs,
                &item.fields,
                cx,
            ));
        }
        Item::Struct(item) if derives(&item.attrs, "AbloEnum") => {
            cx.report(
                Code::RustNotAnEnum,
                item.ident.span(),
                format!("`{}` is not an enum", item.ident),
            )
            .help("derive `AbloModel` for a struct");
        }
        Item::Struct(item) => drop(parts.shapes.structs.insert(plain(&item.ident), item)),
        Item::Enum(item) if derives(&item.attrs, "AbloEnum") => {
            parts.enums.push(read_enum(
                &item.ident,
                &item.generics,
                &item.attrs,
                &item.variants,
                true,
                cx,
            ));
        }
        Item::Enum(item) if derives(&item.attrs, "AbloModel") => {
            cx.report(
                Code::RustNotAStruct,
                item.ident.span(),
                format!("`{}` is not a struct", item.ident),
            )
            .help("a model is a struct with named fields; derive `AbloEnum` for an enum");
        }
        Item::Enum(item) => drop(parts.shapes.enums.insert(plain(&item.ident), item)),
        _ => {}
    }
}

/// Selects the models that a schema names, in its order, and warns about the others.
fn choose(definition: &Definition, models: &mut Vec<RustModel>, cx: &mut ReadContext) {
    let mut all: Vec<Option<RustModel>> = models.drain(..).map(Some).collect();
    let names: Vec<String> = all.iter().flatten().map(|model| plain(&model.ident)).collect();
    for path in definition.listed.iter().map(|listed| &listed.path) {
        let name = last(path);
        let chosen = all
            .iter_mut()
            .find(|one| one.as_ref().is_some_and(|model| plain(&model.ident) == name));
        if let Some(model) = chosen.and_then(Option::take) {
            models.push(model);
        } else if models.iter().any(|model| plain(&model.ident) == name) {
            let message = format!("duplicate model `{name}`");
            cx.report_tokens(Code::RustRepeatedAttribute, path, message)
                .help("remove one of the two");
        } else {
            let help = cx.suggest.help(&name, names.iter().map(String::as_str));
            let message = format!("unknown model `{name}`");
            cx.report_tokens(Code::RustUnknownModel, path, message).help =
                help.or_else(|| Some("derive `AbloModel` for the struct".to_owned()));
        }
    }
    for model in all.into_iter().flatten() {
        let message = format!("model `{}` is not in the schema `{}`", model.ident, definition.name);
        cx.report(Code::RustUnlistedModel, model.ident.span(), message)
            .help("name it in `define_schema!`, or remove the derive");
    }
}
