//! The Rust front: models declared in Rust, read with syn.
//!
//! One grammar, several doors. [`mod@file`] reads whole source files for build scripts and the command; [`mod@derive`] reads the one
//! item that a derive is given; [`definition`] reads `define_schema!`. All of them go through the same rooms: `attribute`
//! reads `#[ablo(…)]` as a tree, `slots` hands its parts out by name and says what is left over or there twice, `model`,
//! `field`, `relation` and `enumeration` make raw parts of them.
//!
//! A place is a pair of token spans, kept in [`Places`]; what a span means only its maker knows.

mod attribute;
pub mod definition;
pub mod derive;
mod enumeration;
mod field;
pub mod file;
mod model;
mod relation;
pub mod rescue;
mod resolve;
mod scan;
mod shape;
mod slots;
mod types;
pub mod words;

use crate::diag::{Code, Diagnostic, Diagnostics, SpanId, Spanned, Suggest};
use crate::raw::Text;
use proc_macro2::{Ident, Span};
use quote::ToTokens;
use std::fmt::Display;

pub use enumeration::RustEnum;
pub use field::{BASE, RustField};
pub use model::RustModel;
pub use relation::{RustTarget, WORDS as RELATION_WORDS};
pub use types::type_words;

/// What a [`SpanId`] of this front means.
#[derive(Debug, Default)]
pub struct Places(Vec<(Span, Span)>);

impl Places {
    /// The first and the last token of a place.
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

/// What all readers share: the sink and the places.
#[derive(Debug, Default)]
pub struct Reader {
    /// Everything there is to say.
    pub diagnostics: Diagnostics,
    /// Where.
    pub places: Places,
    suggest: Suggest,
}

impl Reader {
    pub(crate) fn at(&mut self, span: Span) -> SpanId {
        self.places.add(span, span)
    }

    pub(crate) fn at_tokens(&mut self, tokens: &impl ToTokens) -> SpanId {
        let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
        let first = spans.next().unwrap_or_else(Span::call_site);
        let last = spans.last().unwrap_or(first);
        self.places.add(first, last)
    }

    pub(crate) fn say(&mut self, code: Code, span: Span, message: impl Display) -> &mut Diagnostic {
        let at = self.at(span);
        self.diagnostics.push(code, at, message)
    }

    pub(crate) fn say_at(
        &mut self,
        code: Code,
        tokens: &impl ToTokens,
        message: impl Display,
    ) -> &mut Diagnostic {
        let at = self.at_tokens(tokens);
        self.diagnostics.push(code, at, message)
    }

    pub(crate) fn spanned<T>(&mut self, value: T, span: Span) -> Spanned<T> {
        let at = self.at(span);
        Spanned::new(value, at)
    }

    fn text(&mut self, text: String, span: Span) -> Spanned<Text<'static>> {
        self.spanned(Text::Owned(text), span)
    }

    fn syntax(&mut self, error: syn::Error) {
        for error in error {
            let at = self.at(error.span());
            self.diagnostics.push(Code::RustSyntax, at, error.to_string()).help(
                "write it as Rust and the list of attributes in docs/guide/rust-models.md have it",
            );
        }
    }
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}
