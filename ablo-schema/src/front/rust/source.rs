//! Walks the modules of a source and collects its items.

use super::cfg::Doubt;
use super::scan::{Found, Piece, pieces, prefix_length, tokens};
use super::{ReadContext, SpanTable, plain};
use crate::diag::{Code, Diagnostics, Edit, Place as EditPlace, SpanId};
use proc_macro2::{Ident, Span, TokenStream};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use syn::Item;

/// The maximum nesting depth of modules and the maximum number of files: a `#[path]` may refer to
/// its own file.
const MAX_MODULE_DEPTH: usize = 32;
const MAX_FILES: usize = 4096;

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

/// A piece of a source other than a module.
pub(super) enum SourcePiece {
    Item(Box<Item>, Vec<Doubt>),
    Schema(TokenStream, Span, Vec<Doubt>),
}

/// The state of reading a source.
#[derive(Default)]
pub(super) struct Source<'l, 'm> {
    load: Option<&'l mut LoadModule<'m>>,
    pub(super) texts: Vec<String>,
    /// The index of each text by the file name in its spans.
    names: BTreeMap<String, usize>,
    pub(super) modules: Vec<String>,
    /// The macros that print models or enums, and the calls of macros.
    pub(super) macros: BTreeSet<String>,
    pub(super) calls: Vec<Ident>,
}

/// Where the tokens of a module are.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// The index of the text.
    file: usize,
    /// The modules of the text.
    file_modules: &'p [String],
    /// The inline modules around the tokens in that text.
    inline_modules: &'p [String],
    /// The attributes of these modules that cannot be decided.
    doubts: &'p [Doubt],
    /// The number of macro calls around the tokens.
    depth: usize,
}

impl<'l, 'm> Source<'l, 'm> {
    pub(super) fn new(load: Option<&'l mut LoadModule<'m>>) -> Self {
        Self { load, ..Self::default() }
    }

    pub(super) fn add(
        &mut self,
        text: String,
        file_modules: &[String],
        doubts: &[Doubt],
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
        self.walk(
            tokens,
            Place { file, file_modules, inline_modules: &[], doubts, depth: 0 },
            found,
            cx,
        );
    }

    fn walk(
        &mut self,
        tokens: TokenStream,
        place: Place<'_>,
        found: &mut Vec<SourcePiece>,
        cx: &mut ReadContext,
    ) {
        for Found { piece, doubts } in pieces(tokens, cx) {
            let doubts = [place.doubts, &doubts].concat();
            match piece {
                Piece::Item(item) => found.push(SourcePiece::Item(item, doubts)),
                Piece::Schema(tokens, span) => {
                    found.push(SourcePiece::Schema(tokens, span, doubts));
                }
                Piece::Macro(name) => {
                    self.macros.insert(plain(&name));
                }
                Piece::Call(name, input) => {
                    // The items in the input are those of the output, as far as the file shows.
                    let depth = place.depth + 1;
                    self.calls.push(name);
                    if depth < MAX_MODULE_DEPTH {
                        self.walk(input, Place { doubts: &doubts, depth, ..place }, found, cx);
                    }
                }
                Piece::Module(name, path, body) => {
                    if place.file_modules.len() + place.inline_modules.len() >= MAX_MODULE_DEPTH
                        || self.texts.len() >= MAX_FILES
                    {
                        let message =
                            format!("modules are nested more than {MAX_MODULE_DEPTH} levels deep");
                        cx.report(Code::SourceTooLarge, name.span(), message)
                            .help("check whether a `#[path]` refers to its own file");
                        continue;
                    }
                    let place = Place { doubts: &doubts, ..place };
                    match body {
                        Some(body) => {
                            let inline_modules = [place.inline_modules, &[plain(&name)]].concat();
                            let place = Place { inline_modules: &inline_modules, ..place };
                            self.walk(body, place, found, cx);
                        }
                        None => self.follow(&name, path.as_deref(), place, found, cx),
                    }
                }
            }
        }
    }

    fn follow(
        &mut self,
        ident: &Ident,
        path: Option<&str>,
        place: Place<'_>,
        found: &mut Vec<SourcePiece>,
        cx: &mut ReadContext,
    ) {
        let name = plain(ident);
        let Place { file, file_modules, inline_modules, doubts, .. } = place;
        let Some(load) = &mut self.load else {
            self.modules.push([inline_modules, &[name]].concat().join("/"));
            return;
        };
        match load(&ModuleRequest { file, inline_modules, name: &name, path }) {
            Ok(text) => {
                let file_modules = [file_modules, inline_modules, &[name]].concat();
                self.add(text, &file_modules, doubts, found, cx);
            }
            // The file may be missing because the module is not compiled.
            Err(_) if !doubts.is_empty() => cx.report_doubts(doubts),
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
    pub(super) fn number(
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
        let edited = |edit: &Edit| match edit.place {
            EditPlace::Span(at) => Some(at),
            EditPlace::EndOf(_) | EditPlace::Bytes(_) => None,
        };
        let all = diagnostics.iter().flat_map(|it| {
            let edits = it.fix.iter().flat_map(|fix| &fix.edits).filter_map(edited);
            std::iter::once(it.at).chain(it.also.iter().map(|(at, _)| *at)).chain(edits)
        });
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
            for edit in diagnostic.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
                if let EditPlace::Span(at) = &mut edit.place {
                    *at = number(*at);
                }
            }
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
