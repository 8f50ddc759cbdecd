//! Reads whole Rust sources for build scripts and the command, without compiling or running them.
//!
//! A source may consist of several files: the caller supplies the text of each `mod name;`. Spans
//! are resolved last, and only those of diagnostics.

use super::cfg::{Cfg, Doubt};
use super::definition::{Definition, derives};
use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model};
use super::resolve::{Items, last, resolve};
use super::shape::Shapes;
use super::source::{Source, SourcePiece};
use super::{ReadContext, plain};
use crate::diag::{Code, Diagnostics, Edit, Place, SpanId};
use crate::front::location::{Lines, Located, LocatedFix, Location};
use crate::schema::Schema;
use proc_macro2::{Ident, Span};
use std::ops::Range;
use syn::{Attribute, Item, ItemEnum, ItemStruct};

pub use super::source::{LoadModule, ModuleRequest};

/// The maximum size of a source in bytes.
pub const MAX_BYTES: usize = super::scan::MAX_BYTES;

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
    read_source(text, Cfg::default(), None)
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
    read_configured(text, &Cfg::default(), load)
}

/// Reads and validates the models that are compiled with a configuration.
///
/// ```
/// use ablo_schema::front::rust::{Cfg, file::read_configured};
/// let text = "#[derive(AbloModel)] struct Task { #[cfg(feature = \"old\")] note: String }";
/// let mut cfg = Cfg::default();
/// cfg.set_features(["new".to_owned()]);
/// let read = read_configured(text, &cfg, &mut |_| Err("there are no files".to_owned()));
/// assert!(read.schema.expect("the source is valid").models()[0].fields.is_empty());
/// ```
#[must_use]
pub fn read_configured(text: &str, cfg: &Cfg, load: &mut LoadModule<'_>) -> Read {
    read_source(text, cfg.clone(), Some(load))
}

fn read_source(text: &str, cfg: Cfg, load: Option<&mut LoadModule<'_>>) -> Read {
    let mut cx = ReadContext::new(cfg);
    let mut source = Source::new(load);
    let mut found = Vec::new();
    source.add(text.to_owned(), &[], &[], &mut found, &mut cx);
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
                fix: diagnostic.fix.as_ref().and_then(|fix| {
                    let edit = |edit: &Edit| match edit.place {
                        Place::Span(at) => Some((location(at), edit.text.clone())),
                        Place::EndOf(_) | Place::Bytes(_) => None,
                    };
                    let edits = fix.edits.iter().map(edit).collect::<Option<Vec<_>>>()?;
                    Some(LocatedFix { applicability: fix.applicability, edits })
                }),
            })
            .collect()
    }
}

#[derive(Default)]
struct Parts<'f> {
    models: Vec<RustModel>,
    enums: Vec<RustEnum>,
    shapes: Shapes<'f>,
    definitions: Vec<(Definition, Span)>,
}

impl Parts<'_> {
    /// Returns whether a model or an enum has this name.
    fn has(&self, ident: &Ident) -> bool {
        let models = self.models.iter().map(|model| &model.ident);
        let mut names = models.chain(self.enums.iter().map(|one| &one.ident));
        names.any(|name| plain(name) == plain(ident))
    }
}

fn read_pieces(
    found: Vec<SourcePiece>,
    source: &Source<'_, '_>,
    cx: &mut ReadContext,
) -> Option<Schema> {
    let (mut items, mut parts) = (Vec::new(), Parts::default());
    let mut broken = false;
    for call in source.calls.iter().filter(|call| source.macros.contains(&plain(call))) {
        let message = format!("`{call}!` prints models or enums, which are read from source only");
        cx.report(Code::RustMacro, call.span(), message)
            .help("write the items out, or pass whole items to the macro");
    }
    for piece in found {
        match piece {
            SourcePiece::Item(item, doubts) if matches!(*item, Item::Type(_)) => {
                cx.add_alias(&item, doubts);
            }
            SourcePiece::Item(item, doubts) => items.push((*item, doubts)),
            SourcePiece::Schema(tokens, span, doubts) => {
                cx.report_doubts(&doubts);
                match Definition::parse(tokens, cx) {
                    Some(definition) => parts.definitions.push((definition, span)),
                    None => broken = true,
                }
            }
        }
    }
    for (item, doubts) in &items {
        read_item(item, doubts, &mut parts, cx);
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

fn read_item<'f>(item: &'f Item, doubts: &[Doubt], parts: &mut Parts<'f>, cx: &mut ReadContext) {
    let is_ours = |attributes: &[Attribute]| {
        derives(attributes, "AbloModel") || derives(attributes, "AbloEnum")
    };
    if let Item::Struct(ItemStruct { attrs, ident, .. })
    | Item::Enum(ItemEnum { attrs, ident, .. }) = item
    {
        if is_ours(attrs) {
            cx.report_doubts(doubts);
            if !doubts.is_empty() && parts.has(ident) {
                // Two declarations of one name, of which one is compiled.
                return;
            }
        } else if !doubts.is_empty() {
            parts.shapes.doubt(plain(ident), doubts);
        }
    }
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
            let at = cx.at_tokens(path);
            let fault = (Code::RustUnknownModel, at, format!("unknown model `{name}`"));
            let otherwise = "derive `AbloModel` for the struct";
            if let Some(last) = path.segments.last() {
                cx.report_name(fault, &last.ident, names.iter().map(String::as_str), otherwise);
            }
        }
    }
    for model in all.into_iter().flatten() {
        let message = format!("model `{}` is not in the schema `{}`", model.ident, definition.name);
        cx.report(Code::RustUnlistedModel, model.ident.span(), message)
            .help("name it in `define_schema!`, or remove the derive");
    }
}
