//! The Rust front end: models declared in Rust, read with syn.
//!
//! There are three entry points: [`mod@file`] reads whole source files for build scripts and the
//! command, [`mod@derive`] reads the item of a derive, and [`definition`] reads `define_schema!`.
//! They share the other modules: `attribute` parses `#[ablo(…)]` into a tree, `arguments` looks up
//! arguments by name and reports unknown and duplicate ones, and `model`, `field`, `relation` and
//! `enumeration` build the raw form.
//!
//! A span is a pair of token spans in [`SpanTable`].

mod arguments;
mod attribute;
pub mod casing;
mod cfg;
mod configure;
pub mod definition;
pub mod derive;
mod enumeration;
mod field;
pub mod file;
mod fix;
mod model;
pub mod recover;
mod relation;
mod resolve;
mod scan;
mod shape;
mod source;
mod types;
mod vocabulary;

use crate::diag::{Applicability, Code, Diagnostic, Diagnostics, Place, SpanId, Spanned, Suggest};
use crate::raw::CowStr;
use proc_macro2::{Ident, Span};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

pub use arguments::crate_path_of;
pub use cfg::{Cfg, predicates};
pub use enumeration::RustEnum;
pub use field::{BASE, RustField};
pub use fix::{Fixed, fix};
pub use model::RustModel;
pub use relation::{ARGUMENTS as RELATION_ARGUMENTS, RustTarget};
pub use types::reserved_type_names;

/// Resolves the [`SpanId`]s of this front end.
#[derive(Debug, Default)]
pub struct SpanTable(Vec<(Span, Span)>);

impl SpanTable {
    /// Returns the spans of the first and the last token.
    #[must_use]
    pub fn spans(&self, at: SpanId) -> (Span, Span) {
        let whole = || (Span::call_site(), Span::call_site());
        self.0.get(at.0 as usize).copied().unwrap_or_else(whole)
    }

    fn add(&mut self, first: Span, last: Span) -> SpanId {
        self.0.push((first, last));
        SpanId(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }
}

/// State shared by all readers: diagnostics, spans and suggestions.
#[derive(Debug, Default)]
pub struct ReadContext {
    /// The diagnostics.
    pub diagnostics: Diagnostics,
    /// The spans of the diagnostics.
    pub spans: SpanTable,
    cfg: Cfg,
    /// The attributes that were reported as unknown.
    reported_doubts: BTreeSet<SpanId>,
    aliases: types::Aliases,
    suggest: Suggest,
}

impl ReadContext {
    /// Starts reading a source with this configuration.
    #[must_use]
    pub fn new(cfg: Cfg) -> Self {
        Self { cfg, ..Self::default() }
    }

    pub(crate) fn at(&mut self, span: Span) -> SpanId {
        self.spans.add(span, span)
    }

    pub(crate) fn at_tokens(&mut self, tokens: &impl ToTokens) -> SpanId {
        let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
        let first = spans.next().unwrap_or_else(Span::call_site);
        let last = spans.last().unwrap_or(first);
        self.spans.add(first, last)
    }

    pub(crate) fn report(
        &mut self,
        code: Code,
        span: Span,
        message: impl Display,
    ) -> &mut Diagnostic {
        let at = self.at(span);
        self.diagnostics.push(code, at, message)
    }

    pub(crate) fn report_tokens(
        &mut self,
        code: Code,
        tokens: &impl ToTokens,
        message: impl Display,
    ) -> &mut Diagnostic {
        let at = self.at_tokens(tokens);
        self.diagnostics.push(code, at, message)
    }

    /// Reports an unknown name. If one of `known` is similar, the help and the fix name it, else
    /// the help is the list of them, if it is short, or `otherwise`.
    fn report_name<'c>(
        &mut self,
        (code, at, message): (Code, SpanId, String),
        name: &Ident,
        known: impl IntoIterator<Item = &'c str> + Clone,
        otherwise: &str,
    ) {
        let near = self.suggest.nearest(&plain(name), known.clone());
        let help = Suggest::line(near, known).unwrap_or_else(|| otherwise.to_owned());
        let place = Place::Span(self.at(name.span()));
        let diagnostic = self.diagnostics.push(code, at, message).help(help);
        if let Some(near) = near {
            diagnostic.fix(Applicability::MachineApplicable, place, near);
        }
    }

    pub(crate) fn spanned<T>(&mut self, value: T, span: Span) -> Spanned<T> {
        let at = self.at(span);
        Spanned::new(value, at)
    }

    fn text(&mut self, text: String, span: Span) -> Spanned<CowStr<'static>> {
        self.spanned(CowStr::Owned(text), span)
    }

    fn syntax(&mut self, error: syn::Error) {
        for error in error {
            let at = self.at(error.span());
            self.diagnostics
                .push(Code::RustSyntax, at, error.to_string())
                .help("see the list of attributes in docs/guide/rust-models.md");
        }
    }
}

/// Reports duplicate names.
pub(crate) fn report_repeated(names: Vec<(String, SpanId)>, noun: &str, cx: &mut ReadContext) {
    let mut seen: BTreeMap<String, SpanId> = BTreeMap::new();
    for (name, at) in names {
        if let Some(first) = seen.get(&name) {
            let help = match noun {
                "structs" | "enums" => {
                    "rename one of the two; modules do not distinguish them, because the source \
                     is not compiled"
                }
                "models" => "give one of them another `#[ablo(key = \"…\")]`",
                "fields" => "give one of them another `#[ablo(rename = \"…\")]`",
                _ => "rename one of them; on a field, use `relation = \"…\"`",
            };
            let message = format!("two {noun} have the name `{name}`");
            cx.diagnostics
                .push(Code::RustRepeatedName, at, message)
                .help(help)
                .also(*first, "first used here");
        } else {
            seen.insert(name, at);
        }
    }
}

/// Returns an identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}
